/** Units stand in names; these aliases only remind the reader of them. */
export type EpochSeconds = number

export const secondsPerMinute = 60
export const secondsPerHour = 3600
export const secondsPerDay = 86_400
export const secondsPerWeek = 604_800
