// Builds the Pulumi engine (CLI) from Go modules into a cache outside the repository, once.
// Usage: node tools/engine/build.mjs [--print]   (--print only names the folder that holds the binary)
// For machines that cannot reach Pulumi's own installer; elsewhere `curl -fsSL https://get.pulumi.com | sh` does.
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildBinary, cache, digestFiles } from './go-build.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const version = /pulumi\/pkg\/v3 v([\d.]+)/.exec(readFileSync(join(here, 'go.mod'), 'utf8'))[1]
const folder = join(cache, `engine-${version}-${digestFiles([join(here, 'go.sum')])}`)
const binary = join(folder, 'pulumi')

if (process.argv.includes('--print')) {
  console.log(folder)
} else if (existsSync(binary)) {
  console.error(`Pulumi engine ${version} is already built: ${binary}`)
} else {
  await build()
}

async function build() {
  console.error(`Building the Pulumi engine ${version} from Go modules into ${folder}`)
  console.error(
    'The first build compiles about 1,600 packages: 4 minutes on two free cores, then it is cached.',
  )
  try {
    await buildBinary({
      folder: here,
      target: 'github.com/pulumi/pulumi/pkg/v3/cmd/pulumi',
      linkerFlags: `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`,
      binary,
    })
  } catch (error) {
    console.error(`The engine could not be built: ${error.message}`)
    process.exitCode = 13
  }
}
