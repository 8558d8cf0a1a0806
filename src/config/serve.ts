import { z } from 'zod'

/** How llmscale runs the servers itself (own mode), instead of bounds beside the team's chart (reference mode). */
export const Serve = z
  .strictObject({
    image: z.string().min(1).describe('Container image of the server, e.g. vllm/vllm-openai:v0.11.0.'),
  })
  .describe('Render the serving objects too; without it llmscale writes only the autoscaler’s bounds.')
export type Serve = z.infer<typeof Serve>
