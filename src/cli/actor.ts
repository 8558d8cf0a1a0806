import { hostname, userInfo } from 'node:os'

/** Who runs this: a workflow's actor with a link to its run, else the user of this machine. */
export function describeActor(env: NodeJS.ProcessEnv = process.env): string {
  const {
    GITHUB_ACTOR: actor,
    GITHUB_SERVER_URL: server,
    GITHUB_REPOSITORY: repository,
    GITHUB_RUN_ID: run,
  } = env
  if (actor === undefined) return `${userInfo().username}@${hostname()}`
  return run === undefined ? actor : `${actor} (${server}/${repository}/actions/runs/${run})`
}
