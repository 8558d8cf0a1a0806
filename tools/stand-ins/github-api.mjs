// Puts GitHub's published descriptions of its REST and GraphQL APIs, what checks texts against them, and an emulator of
// GitHub into a cache outside the repository, once, and prints its folder. Of REST only the routes that llmscale uses are
// kept.
// Usage: node tools/stand-ins/github-api.mjs [--print]   (--print only names the folder)
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const openapi = '@octokit/openapi@23.0.2'
const graphqlSchema = '@octokit/graphql-schema@15.26.1'
const packages = ['ajv@8.20.0', 'ajv-formats@3.0.1', 'graphql@16.12.0', 'emulate@0.11.2']
const routes = [
  '/repos/{owner}/{repo}',
  '/repos/{owner}/{repo}/installation',
  '/app/installations/{installation_id}/access_tokens',
  '/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches',
  '/repos/{owner}/{repo}/collaborators/{username}/permission',
  '/repos/{owner}/{repo}/commits',
  '/repos/{owner}/{repo}/commits/{commit_sha}/pulls',
  '/repos/{owner}/{repo}/compare/{basehead}',
  '/repos/{owner}/{repo}/git/blobs/{file_sha}',
  '/repos/{owner}/{repo}/git/commits',
  '/repos/{owner}/{repo}/git/commits/{commit_sha}',
  '/repos/{owner}/{repo}/git/ref/{ref}',
  '/repos/{owner}/{repo}/git/refs',
  '/repos/{owner}/{repo}/git/trees',
  '/repos/{owner}/{repo}/git/trees/{tree_sha}',
  '/repos/{owner}/{repo}/issues',
  '/repos/{owner}/{repo}/issues/comments/{comment_id}',
  '/repos/{owner}/{repo}/issues/{issue_number}',
  '/repos/{owner}/{repo}/issues/{issue_number}/comments',
  '/repos/{owner}/{repo}/issues/{issue_number}/labels',
  '/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}',
  '/repos/{owner}/{repo}/pulls',
  '/repos/{owner}/{repo}/pulls/{pull_number}',
  '/repos/{owner}/{repo}/pulls/{pull_number}/commits',
  '/repos/{owner}/{repo}/pulls/{pull_number}/files',
  '/repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers',
  '/repos/{owner}/{repo}/pulls/{pull_number}/reviews',
]

const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache')
const wanted = JSON.stringify([openapi, graphqlSchema, packages, routes])
const digest = createHash('sha256').update(wanted).digest('hex').slice(0, 8)
const folder = join(cache, 'llmscale', `github-api-${digest}`)
const done = join(folder, 'done')

if (process.argv.includes('--print') || existsSync(done)) console.log(folder)
else make()

function make() {
  console.error(`Making ${folder} from npm`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  try {
    writeFileSync(join(folder, 'package.json'), '{"private": true}')
    run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent', ...packages])
    const rest = unpack(openapi, 'package/generated/api.github.com.json')
    writeFileSync(
      join(folder, 'rest.json'),
      JSON.stringify(keepRoutes(JSON.parse(readFileSync(rest, 'utf8')))),
    )
    renameSync(unpack(graphqlSchema, 'package/schema.graphql'), join(folder, 'schema.graphql'))
    rmSync(join(folder, 'package'), { recursive: true })
    writeFileSync(done, '')
    console.log(folder)
  } catch (error) {
    rmSync(folder, { recursive: true, force: true })
    console.error(`the descriptions could not be made: ${error.message}`)
    process.exitCode = 1
  }
}

/** Gives the path of one file of a package. */
function unpack(name, file) {
  const packed = run('npm', ['pack', '--silent', name]).trim()
  run('tar', ['-xzf', packed, file])
  rmSync(join(folder, packed))
  return join(folder, file)
}

/** The description of some routes, with all that it refers to. */
function keepRoutes({ openapi: version, info, paths, components }) {
  const kept = Object.fromEntries(routes.map((route) => [route, paths[route]]))
  const missing = routes.filter((route) => kept[route] === undefined)
  if (missing.length > 0) throw new Error(`${openapi} does not describe ${missing.join(', ')}`)
  const parts = {}
  const follow = (text) => {
    for (const [, kind, name] of text.matchAll(/"#\/components\/(\w+)\/([^"]+)"/g)) {
      parts[kind] ??= {}
      if (parts[kind][name] !== undefined) continue
      parts[kind][name] = components[kind][name]
      follow(JSON.stringify(components[kind][name]))
    }
  }
  follow(JSON.stringify(kept))
  return { openapi: version, info, paths: kept, components: parts }
}

function run(command, args) {
  const options = { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] }
  const { status, error, stdout } = spawnSync(command, args, options)
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${command} ended with ${status}`)
  return stdout
}
