/** What people may ask of the bot by ticking a box in a pull request or in the dashboard. */
export const controlActions = ['refresh', 'snooze', 'hold'] as const
type ControlAction = (typeof controlActions)[number]

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

const box = /^(\s*[-*] \[)([ xX])(\] <!-- llmscale:control ([a-z]+) ([a-z0-9-]+) -->)/gm

/** The boxes that are ticked, in their order. Environments are DNS labels. */
export function findTicked(body: string): Control[] {
  return [...body.matchAll(box)].flatMap(([, , mark, , action, environment]) =>
    mark !== ' ' && isAction(action!) ? [{ action, environment: environment! }] : [],
  )
}

/** The boxes that an edit ticked: those of before were obeyed, or wait to be. */
export function findNewlyTicked(before: string, after: string): Control[] {
  return withoutControls(findTicked(after), findTicked(before))
}

export function withoutControls(controls: readonly Control[], others: readonly Control[]): Control[] {
  return controls.filter((control) => !others.some((other) => isSame(control, other)))
}

/** A body with these boxes ticked or unticked, and the others as they are; boxes that it does not have stay away. */
export function setBoxes(body: string, controls: readonly Control[], isTicked: boolean): string {
  return body.replace(box, (line, start, _mark, end, action, environment) =>
    controls.some((control) => isSame(control, { action, environment }))
      ? `${start}${isTicked ? 'x' : ' '}${end}`
      : line,
  )
}

function isSame(control: Control, other: { action: string; environment: string }): boolean {
  return control.action === other.action && control.environment === other.environment
}

function isAction(word: string): word is ControlAction {
  return (controlActions as readonly string[]).includes(word)
}
