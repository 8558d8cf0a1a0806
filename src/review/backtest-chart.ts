import { ownMethod } from '../forecast/backtest/backtest.js'
import type { BacktestScores, MethodScore } from '../forecast/backtest/backtest-scores.js'
import { formatDuration } from '../kit/time.js'
import { escapeXml } from './escape-xml.js'

const width = 760
const height = 340
const errors = { left: 56, right: 470, top: 72, bottom: 284 }
const mostLevels = 4
const coverage = { left: 596, right: 744, top: 72, bottom: 284 }
const namesAt = errors.right + 8

/** Colours of GitHub's light and dark pages. */
const style = `
  .page { fill: #ffffff } text { fill: #59636e; font: 12px -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
  .title { fill: #1f2328; font-size: 15px; font-weight: 600 } .small { font-size: 10px } .grid { stroke: #d1d9e0 }
  .rival { stroke: #afb8c1; stroke-width: 1.5; fill: none } .own { stroke: #0550ae; stroke-width: 2.5; fill: none }
  .name { fill: #0550ae; font-weight: 600 } .dot { fill: #0550ae } .nominal { stroke: #cf222e; stroke-dasharray: 5 4 }
  .range { stroke: #54aeff; stroke-width: 5; stroke-opacity: 0.6 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #9198a1 } .title { fill: #f0f6fc } .grid { stroke: #3d444d }
    .rival { stroke: #656c76 } .own { stroke: #79c0ff } .name { fill: #79c0ff } .dot { fill: #79c0ff }
    .nominal { stroke: #f85149 } .range { stroke: #388bfd }
  }`

/** An SVG: pooled WAPE of every method by horizon, and the coverage of our own intervals. */
export function drawBacktestChart(scores: BacktestScores): string {
  const { pooled, horizons, origins, workloads } = scores
  const methods = [...new Set(pooled.scores.map(({ method }) => method))]
  const ofMethod = (method: string) => pooled.scores.filter((score) => score.method === method)
  const ours = ofMethod(ownMethod)
  const subject = workloads.length === 1 ? workloads[0]!.workload : `${workloads.length} workloads`
  const name = escapeXml(`${subject}: error and coverage, out of sample`)
  const worst = (of: readonly MethodScore[]) => Math.max(0.01, ...of.map(({ wape }) => wape ?? 0))
  // A rival that is far off would press the others into one line.
  const tick = chooseTick(Math.min(worst(pooled.scores), 2.5 * worst(ours)))
  const most = mostLevels * tick
  const x = (index: number) =>
    round(errors.left + ((index + 0.5) / horizons.length) * (errors.right - errors.left))
  const y = (wape: number) =>
    round(errors.bottom - (Math.min(wape, most) / most) * (errors.bottom - errors.top))
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${name}</title>`,
    `<style>${style}\n</style>`,
    `<rect class="page" width="${width}" height="${height}"/>`,
    `<text class="title" x="16" y="24">${name}</text>`,
    `<text x="${errors.left - 40}" y="54">WAPE, all leads up to</text>`,
    ...Array.from({ length: mostLevels + 1 }, (_, level) =>
      drawLevel(percent(level * tick), y(level * tick)),
    ),
    ...horizons.map(
      (seconds, index) =>
        `<text x="${x(index)}" y="${errors.bottom + 18}" text-anchor="middle">${formatDuration(seconds)}</text>`,
    ),
    ...[...methods].reverse().map((method) => drawLine(method, ofMethod(method), x, y)),
    ...placeNames(methods, (method) => y(ofMethod(method).at(-1)!.wape ?? 0)),
    `<text x="${coverage.left}" y="54">Inside the interval of</text>`,
    ...drawCoverage(ours.at(-1)!),
    `<text x="16" y="${height - 10}">${origins.count} origins every ${formatDuration(scores.everySeconds)}, ${origins.first.slice(0, 10)} … ${origins.last.slice(0, 10)}. Lines that leave the picture are cut at its top.</text>`,
    '</svg>',
  ].join('\n')}\n`
}

function drawLine(
  method: string,
  scores: readonly MethodScore[],
  x: (index: number) => number,
  y: (wape: number) => number,
): string {
  const points = scores.map(({ wape }, index) => `${x(index)},${y(wape ?? 0)}`)
  return `<polyline class="${method === ownMethod ? 'own' : 'rival'}" points="${points.join(' ')}"/>`
}

/** Names at the ends of their lines, pushed apart where lines end close to each other. */
function placeNames(methods: readonly string[], endOf: (method: string) => number): string[] {
  const lineHeight = 11
  const sorted = [...methods].sort((a, b) => endOf(a) - endOf(b) || (a < b ? -1 : 1))
  let free = errors.top - lineHeight
  const places = sorted.map((method) => {
    free = Math.max(endOf(method), free + lineHeight)
    return { method, at: free }
  })
  const overflow = Math.max(0, (places.at(-1)?.at ?? 0) - errors.bottom)
  return places.map(
    ({ method, at }) =>
      `<text class="small${method === ownMethod ? ' name' : ''}" x="${namesAt - 30}" y="${round(at - overflow + 3)}">${shortName(method)}</text>`,
  )
}

function shortName(method: string): string {
  return method.replace('seasonal-naive-', 'naive ').replaceAll('-', ' ')
}

function drawCoverage(score: MethodScore): string[] {
  const shares = [
    [0.5, score.coverage50],
    [0.8, score.coverage80],
    [0.9, score.coverage90],
  ] as const
  const x = (index: number) =>
    round(coverage.left + ((index + 0.5) / shares.length) * (coverage.right - coverage.left))
  const y = (share: number) => round(coverage.bottom - share * (coverage.bottom - coverage.top))
  return shares.flatMap(([nominal, { share, low, high }], index) => [
    `<line class="nominal" x1="${x(index) - 22}" y1="${y(nominal)}" x2="${x(index) + 22}" y2="${y(nominal)}"/>`,
    `<line class="range" x1="${x(index)}" y1="${y(low)}" x2="${x(index)}" y2="${y(high)}"/>`,
    `<circle class="dot" cx="${x(index)}" cy="${y(share)}" r="4"/>`,
    `<text x="${x(index)}" y="${coverage.bottom + 18}" text-anchor="middle">${nominal * 100} %</text>`,
    `<text x="${x(index)}" y="${round(Math.max(y(low), y(nominal)) + 16)}" text-anchor="middle">${percent(share)}</text>`,
  ])
}

function drawLevel(label: string, at: number): string {
  return `<line class="grid" x1="${errors.left}" y1="${at}" x2="${errors.right - 34}" y2="${at}"/><text x="${errors.left - 8}" y="${at + 4}" text-anchor="end">${label}</text>`
}

/** 1, 2, 2.5 or 5 times a power of ten, for at most four levels. */
function chooseTick(most: number): number {
  const rough = most / mostLevels
  const power = 10 ** Math.floor(Math.log10(rough))
  return [1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough * 0.999)! * power
}

function percent(share: number): string {
  return `${Math.round(1000 * share) / 10} %`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
