import { defineConfig } from 'tsdown';
import { thirdPartyLicences } from './scripts/third-party-licences.mjs';

/** The bin and the library; what a command alone needs is imported where it is used and becomes a chunk of its own. */
export default defineConfig({
  entry: { main: 'src/main.ts', index: 'src/index.ts' },
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  fixedExtension: false,
  dts: { entry: 'src/index.ts' },
  sourcemap: false,
  minify: false,
  clean: true,
  hash: false,
  plugins: [thirdPartyLicences()],
  // Types take most of the time, and are worth it.
  inputOptions: { checks: { pluginTimings: false } },
  // ssh2 has native parts that its own installation makes; everything else is bundled, so that starting reads few files.
  deps: { neverBundle: ['ssh2', 'cpu-features'], onlyBundle: false },
});
