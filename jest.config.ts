/** @jest-config-loader-options {"transpileOnly": true} */
import type { Config } from 'jest';

// Types are checked by `make typecheck`, not here: each file is transpiled by itself, which is much quicker.
const transform: Config['transform'] = { '^.+\\.ts$': ['ts-jest', { diagnostics: false }] };

const common: Config = {
  testEnvironment: 'node',
  transform,
  moduleFileExtensions: ['ts', 'js', 'json', 'node'],
};

const config: Config = {
  testTimeout: 20_000,
  globalSetup: '<rootDir>/tests/support/ending.ts',
  projects: [
    { ...common, displayName: 'unit', testMatch: ['<rootDir>/tests/unit/**/*.test.ts'] },
    {
      ...common,
      displayName: 'system',
      testMatch: ['<rootDir>/tests/system/**/*.test.ts'],
    },
  ],
};

export default config;
