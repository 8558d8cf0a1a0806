/** What people may ask of the bot by ticking a box in a pull request or in the dashboard. */
export const controlActions = ['refresh', 'snooze', 'hold'] as const
export type ControlAction = (typeof controlActions)[number]

export interface Control {
  action: ControlAction
  environment: string
}

/** For how long a ticked `snooze` keeps the bot from proposing. */
export const snoozeHours = 24

const meanings: Record<ControlAction, string> = {
  refresh: 'Refresh: plan again now',
  snooze: `Snooze: propose nothing for ${snoozeHours} hours`,
  hold: 'Hold: propose a hold that stops every apply until people remove it',
}

/** A task list item; its comment is what `findTicked` reads, so the words may change. */
export function formatControl({ action, environment }: Control): string {
  return `- [ ] <!-- llmscale:control ${action} ${environment} --> ${meanings[action]}`
}

/** The boxes that are ticked, in their order. Environments are DNS labels. */
export function findTicked(body: string): Control[] {
  const box = /^\s*[-*] \[[xX]\] <!-- llmscale:control ([a-z]+) ([a-z0-9-]+) -->/gm
  return [...body.matchAll(box)].flatMap(([, action, environment]) =>
    isAction(action!) ? [{ action, environment: environment! }] : [],
  )
}

function isAction(word: string): word is ControlAction {
  return (controlActions as readonly string[]).includes(word)
}
