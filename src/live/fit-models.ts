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

/** Fits a model to each, in their order. */
export type FitModels = (tasks: readonly FitTask[]) => Promise<LiveModel[]>

/** Fits here and now, one after the other. */
export const fitHere: FitModels = async (tasks) => tasks.map(fitModel)

/** A fit takes a second or two: in a thread of its own, so that scrapes, probes and signals are answered meanwhile. */
export const fitInThread: FitModels = (tasks) => {
  if (tasks.length === 0) return Promise.resolve([])
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
