/** ONNX Runtime Web, loaded when something wants float32: its WebAssembly lies beside the page. */
import moduleUrl from 'onnxruntime-web/ort-wasm-simd-threaded.mjs?url';
import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.wasm?url';

/** Starts loading, so that the first session does not wait. */
export async function prepareFloatRuntime(): Promise<void> {
  const { env } = await import('onnxruntime-web/wasm');
  env.wasm.wasmPaths = { mjs: new URL(moduleUrl, self.location.href).href, wasm: new URL(wasmUrl, self.location.href).href };
  // Threads need a page of its own origin group (COOP and COEP headers), which not every static server sends.
  env.wasm.numThreads = self.crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1;
}
