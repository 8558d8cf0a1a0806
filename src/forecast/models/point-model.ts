/**
 * One column of demand as models read it: every point has a value, and `observed` tells which of them were
 * measured. Bridged points may serve as lags but nothing is fitted to them or scored on them.
 */
export interface Series {
  /** Amounts a step. */
  values: Float64Array
  /** 1 observed, 0 bridged. */
  observed: Uint8Array
  /** Steps in a day: the season. */
  stepsPerDay: number
  /** Where a step of this series was summed from shorter ones: by step, the level of the last of them before it. */
  levels?: Float64Array
}

/** A fitted model: amounts of the `leads` steps from `origin` on, read from values strictly before `origin`. */
export type Predict = (series: Series, origin: number, leads: number) => Float64Array

/** A way to make a point forecast. */
export interface PointModel {
  name: string
  /** Fits to the values strictly before step `end`; undefined when the history is too short for the model. */
  fit(series: Series, end: number): Predict | undefined
}

/** A way to learn from all series of a fleet at once. */
export interface PooledModel {
  name: string
  /** Learns from the values strictly before step `end`. The model that it gives is cheap to fit to one series. */
  fit(fleet: readonly Series[], end: number): PointModel
}
