import { z } from 'zod'
import { durationPattern, isTimeZone, parseDateOrInstant, parseDuration } from '../kit/time.js'

// Kinds of values that several parts of llmscale.yaml use.

/** A duration such as `500ms`, `2s`, `7d`; read as seconds. */
export const Duration = z
  .string()
  .regex(durationPattern, {
    error: ({ input }) => `${JSON.stringify(input)} is not a duration; write 2s or 500ms`,
  })
  .transform((text) => parseDuration(text)!)

const notAShare = ({ input }: { input?: unknown }) =>
  input === undefined ? 'is required' : `${JSON.stringify(input)} is not a share; write 30% or 0.3`

/** A share such as `30%` or `0.3`; read as 0 … 1. */
export const Share = z
  .union([z.string(), z.number()], { error: notAShare })
  .refine((value) => parseShare(value) !== undefined, { error: notAShare })
  .transform((value) => parseShare(value)!)

function parseShare(value: string | number): number | undefined {
  const share =
    typeof value === 'number'
      ? value
      : /^\d+(\.\d+)?%$/.test(value)
        ? Number(value.slice(0, -1)) / 100
        : Number.NaN
  return share >= 0 && share <= 1 ? share : undefined
}

/** A time or date with a zone, such as `2026-12-01T08:00:00Z`, or a date alone (midnight UTC); read as epoch seconds. */
export const Instant = z
  .string()
  .refine((text) => parseDateOrInstant(text) !== undefined, {
    error: ({ input }) => `${JSON.stringify(input)} is not a time; write 2026-12-01 or 2026-12-01T08:00:00Z`,
  })
  .transform((text) => parseDateOrInstant(text)!)

export const TimeZone = z.string().refine(isTimeZone, {
  error: ({ input }) => `${JSON.stringify(input)} is not an IANA time zone; write Europe/Berlin or UTC`,
})

/** Used in stack and file names as it is. */
export const Label = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$/, {
  error: ({ input }) => `${JSON.stringify(input)} is not a DNS label; use at most 50 of a-z, 0-9 and -`,
})

export const Count = z.int().min(0)
export const Usd = z.number().min(0)
