import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { fitLiveFloor, type LiveModel, type StepGrid } from '../planning/live-floor.js'

/** What a model is fitted to. */
export interface FitTask {
  /** Replicas busy by step. */
  load: Float64Array
  grid: StepGrid
  /** Step that follows the last one which is known. */
  now: number
  timing: { coldStartSeconds: number; everySeconds: number }
}

/** A fit takes a second or two; so many are worth a thread, beside which scrapes and probes are answered. */
const leastOfThread = 4

/** Fits one after the other, as many as there are in a thread of their own. */
export function fitModels(tasks: readonly FitTask[]): Promise<LiveModel[]> {
  if (tasks.length < leastOfThread) return Promise.resolve(tasks.map(fitModel))
  const program = new URL(`./fit-worker${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
  return new Promise((done, fail) => {
    const worker = new Worker(program, { workerData: tasks })
    worker.on('message', done)
    worker.on('error', fail)
    worker.on('exit', (code) => fail(new Error(`the thread that fits models ended with code ${code}`)))
  })
}

export function fitModel({ load, grid, now, timing }: FitTask): LiveModel {
  return fitLiveFloor(load, grid, now, timing)
}
