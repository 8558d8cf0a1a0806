import { z } from 'zod'
import { secondsPerHour } from '../kit/units.js'
import { readYaml } from './read-yaml.js'
import { Duration, Instant, Share } from './values.js'

const kinds = ['launch', 'campaign', 'batch-job'] as const

const learn = ['leave-out', 'scale', 'keep'] as const

const Event = z
  .strictObject({
    name: z.string().min(1).describe('Shown wherever the event is.'),
    kind: z.enum(kinds).describe('What it is.'),
    workloads: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Whose demand it changes: model, model/region or model/region/tenant; default all.'),
    start: Instant.describe('When its ramp begins.'),
    ramp: Duration.prefault('0s').describe('From the first effect to the whole, and back at the end.'),
    duration: Duration.optional().describe('From start to the begin of the way back; without it, it lasts.'),
    every: Duration.optional().describe('It comes again: 1d, 7d.'),
    until: Instant.optional().describe('No start after this, where it comes again.'),
    multiplier: z.number().positive().describe('Demand at its height over demand without it.'),
    certainty: Share.prefault(1).describe('How likely it is to happen, until it has begun.'),
    learn: z
      .enum(learn)
      .optional()
      .describe(
        'What is learned of its past: leave-out (nothing, default), scale (demand divided by the multiplier) or keep (demand as it was; default where it lasts).',
      ),
  })
  .superRefine(({ duration, ramp, every, until, learn: how }, context) => {
    const refuse = (key: string, message: string) =>
      context.addIssue({ code: 'custom', path: [key], message })
    if (duration === undefined && how === 'leave-out')
      refuse('learn', 'leave-out needs a duration: all that came after its start would be left out')
    if (duration === undefined && every !== undefined) refuse('every', 'needs a duration')
    if (duration !== undefined && duration < ramp) refuse('duration', 'is shorter than the ramp')
    if (every !== undefined && every < Math.max(secondsPerHour, (duration ?? 0) + ramp))
      refuse('every', 'must be an hour or more, and longer than duration and ramp')
    if (until !== undefined && every === undefined) refuse('until', 'needs every; write duration instead')
  })
/** Something that changes demand at a known time. Seconds, epoch seconds, shares 0 … 1. */
export type Event = z.infer<typeof Event>

/** The whole of an events file. */
const Events = z.strictObject({
  events: z.array(Event).describe('Launches, campaigns and batch jobs, past and to come.'),
})

/**
 * The events in a text of YAML. Pure.
 * Throws one LlmscaleError (EVENTS_INVALID) with a line for everything that is wrong.
 * @param path how the text's file is called in messages
 */
export function parseEvents(text: string, path: string): Event[] {
  return readYaml(text, path, { schema: Events, code: 'EVENTS_INVALID', whole: 'events file' }).events
}
