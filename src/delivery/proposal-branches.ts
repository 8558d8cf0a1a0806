// Environments are DNS labels: with a dot no branch of one can be that of another.

/** Where the plan of an environment is proposed. */
export const proposalBranch = (environment: string) => `llmscale/${environment}`
/** Where the plan before is. */
export const rollbackBranch = (environment: string) => `llmscale/${environment}.rollback`
/** Where a hold is. */
export const holdBranch = (environment: string) => `llmscale/${environment}.hold`
