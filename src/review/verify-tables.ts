import { formatShare, formatUsd } from '../kit/format.js'
import { workloadId } from '../kit/workload.js'
import type { Drift } from '../planning/drift.js'
import type { PlanScore, WorkloadScore } from '../planning/score-plan.js'
import type { Table } from './table.js'

/** Whether a place is as the plan has it. */
export interface PlaceCheck {
  /** A stack, or the cluster of a region. */
  place: string
  state: 'same' | 'drift' | 'not-checked'
  message: string
}

export function tabulatePlaces(checks: readonly PlaceCheck[]): Table {
  return {
    columns: [{ header: 'Place' }, { header: 'State' }, { header: 'Because' }],
    rows: checks.map(({ place, state, message }) => [place, state.replace('-', ' '), message]),
  }
}

/** Floors that somebody changed come first. */
export function tabulateDrifts(drifts: readonly Drift[]): Table {
  const rank = { floor: 0, missing: 1, field: 2 }
  return {
    columns: [
      { header: 'Object' },
      { header: 'Field' },
      { header: 'Planned' },
      { header: 'Found' },
      { header: '' },
    ],
    rows: [...drifts]
      .sort((a, b) => rank[a.kind] - rank[b.kind])
      .map(({ object, field, planned, found, kind }) => [
        object,
        field,
        planned,
        found,
        kind === 'floor' ? 'a floor that somebody changed' : '',
      ]),
  }
}

/** Errors of the forecast against its backtest and the naive baseline; measured. */
export function tabulateForecastScores({ workloads }: PlanScore): Table {
  return {
    columns: [
      { header: 'Workload' },
      { header: 'WAPE', align: 'right' },
      { header: 'Backtest', align: 'right' },
      { header: 'Naive', align: 'right' },
      { header: 'Pinball to naive', align: 'right' },
      { header: 'In 80 %', align: 'right' },
      { header: 'In 90 %', align: 'right' },
      { header: 'Steps', align: 'right' },
    ],
    rows: workloads.map(({ workload, forecast, baseline, backtestWape }) => [
      workloadId(workload),
      shareOrDash(forecast.wape),
      shareOrDash(backtestWape),
      shareOrDash(baseline.wape),
      baseline.pinballLoss > 0 ? `${(forecast.pinballLoss / baseline.pinballLoss).toFixed(2)}×` : '–',
      formatShare(forecast.coverage80),
      formatShare(forecast.coverage90),
      String(forecast.steps),
    ]),
  }
}

/** What floors and reactive capacity led to, and what doing nothing would have; estimated on measured demand. */
export function tabulateOutcomes({ workloads }: PlanScore): Table {
  return {
    columns: [
      { header: 'Workload' },
      { header: 'Without capacity', align: 'right' },
      { header: 'Undone', align: 'right' },
      { header: 'Loss USD/day', align: 'right' },
      { header: 'Undone', align: 'right' },
      { header: 'Floors held', align: 'right' },
      { header: 'Fewer served', align: 'right' },
    ],
    rows: workloads.map(({ workload, breachShare, lossUsdPerDay, floorUnmetShare, days }) => [
      workloadId(workload),
      formatShare(breachShare.plan),
      formatShare(breachShare.doNothing),
      formatUsd(lossUsdPerDay.plan),
      formatUsd(lossUsdPerDay.doNothing),
      `${days.filter(({ floors }) => floors === 'held').length} of ${days.length} days`,
      shareOrDash(floorUnmetShare),
    ]),
  }
}

/** The days on which demand was above floors and reactive capacity, the worst first. */
export function tabulateMissedDays({ workloads }: PlanScore): Table {
  return {
    columns: [
      { header: 'Missed by' },
      { header: 'On' },
      { header: 'Peak replicas', align: 'right' },
      { header: 'Foreseen', align: 'right' },
      { header: 'Without capacity', align: 'right' },
    ],
    rows: workloads
      .flatMap((score) => missedDays(score).map((day) => ({ score, day })))
      .sort((a, b) => b.day.breachShare - a.day.breachShare)
      .map(({ score, day: { date, peakReplicas, plannedPeak, breachShare } }) => [
        workloadId(score.workload),
        date,
        String(peakReplicas),
        plannedPeak === null ? '–' : `${Math.round(plannedPeak.p10)}–${Math.round(plannedPeak.p90)}`,
        formatShare(breachShare),
      ]),
  }
}

function missedDays({ days }: WorkloadScore): WorkloadScore['days'] {
  return days.filter(({ floors }) => floors === 'missed')
}

function shareOrDash(share: number | null): string {
  return share === null ? '–' : formatShare(share)
}
