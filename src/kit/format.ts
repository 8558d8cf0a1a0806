const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const small = new Intl.NumberFormat('en-US', { maximumSignificantDigits: 2 })

/** A count for people: `12,345`, and two digits below 10. */
export function formatCount(count: number): string {
  return Math.abs(count) < 10 ? small.format(count) : grouped.format(count)
}

/** US dollars for people: `12,345`, and two digits below 10. */
export function formatUsd(usd: number): string {
  return formatCount(usd)
}

/** A share as a percentage: `12.3 %`, `0.04 %`, `0 %`. */
export function formatShare(share: number): string {
  const percent = share * 100
  if (percent === 0) return '0 %'
  if (Math.abs(percent) < 0.01) return '<0.01 %'
  return `${Math.abs(percent) < 1 ? percent.toFixed(2) : percent.toFixed(1)} %`
}

/** A relative change with its sign: `+4.2 %`, `−3.0 %`. */
export function formatChange(share: number): string {
  const percent = (share * 100).toFixed(1)
  return percent.startsWith('-') ? `−${percent.slice(1)} %` : `+${percent} %`
}

/** A change in US dollars with its sign: `+212`, `−40`, `0`. */
export function formatUsdChange(usd: number): string {
  const amount = formatUsd(Math.abs(usd))
  return amount === '0' ? '0' : `${usd < 0 ? '−' : '+'}${amount}`
}

/** An ISO time in UTC for people: `2026-11-08 06:30 UTC`. */
export function formatMoment(time: string): string {
  return `${time.slice(0, 10)} ${time.slice(11, 16)} UTC`
}
