import { parentPort, workerData } from 'node:worker_threads'
import { type FitTask, fitModel } from './fit-models.js'

// The program of the thread of fit-models.ts, which alone starts it.
parentPort!.postMessage((workerData as FitTask[]).map(fitModel))
