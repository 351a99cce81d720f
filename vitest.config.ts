// Tests run on Node 24 through npm; each file in its own process, since several start servers and workers.
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    globalSetup: ["test/support/global-setup.ts"],
    include: ["test/**/*.test.ts"],
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
})
