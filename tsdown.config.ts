import { defineConfig } from 'tsdown';

/** One bin; what a command alone needs is imported where it is used and becomes a chunk of its own. */
export default defineConfig({
  entry: { main: 'src/main.ts' },
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  fixedExtension: false,
  dts: false,
  sourcemap: false,
  minify: false,
  clean: true,
  hash: false,
  // ssh2 has native parts that its own installation makes; everything else is bundled, so that starting reads few files.
  deps: { neverBundle: ['ssh2', 'cpu-features'], onlyBundle: false },
});
