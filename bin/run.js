#!/usr/bin/env node
import { execute } from '@oclif/core/execute'
import { settings } from '@oclif/core/settings'

// Otherwise NODE_ENV=test, inherited from a test runner, makes oclif look for TypeScript sources.
settings.enableAutoTranspile = false
await execute({ dir: import.meta.url })
