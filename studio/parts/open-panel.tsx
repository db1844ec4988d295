/** Where a network comes from: a dropped file or the zoo. */
import { MODELS } from '../../src/browser.ts';
import { notice, source, start, wantedFile } from '../state/store.ts';

/** Networks that compile and simulate in a few seconds here. */
const LIGHT: readonly string[] = [
  'alexnet',
  'squeezenet1.1',
  'mobilenet-v1',
  'mobilenet-v2',
  'ds-cnn',
  'espcn',
  'resnet18',
  'shufflenet-v2',
];

export function openFiles(files: FileList | readonly File[] | null | undefined): void {
  const file = files?.[0];
  if (!file) return;
  if (!/\.onnx$/i.test(file.name)) {
    notice.value = `${file.name}: drop an ONNX model here (.onnx); pictures and .npy files go into the view Run`;
    return;
  }
  start({ kind: 'file', name: file.name, file });
}

export function chooseFile(): void {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = '.onnx';
  input.onchange = () => openFiles(input.files);
  input.click();
}

export function OpenPanel() {
  const names = Object.keys(MODELS);
  const others = names.filter((name) => !LIGHT.includes(name));
  const open = (name: string): void => start({ kind: 'zoo', name });
  return (
    <section class="open-panel" aria-labelledby="open-title">
      <h1 id="open-title">See where every cycle went</h1>
      <p class="lead">
        Compile a neural network for the Snowflake accelerator and watch it run, exact in bits, cycles and bytes. Everything happens in this
        page: your files stay on your machine.
      </p>
      {wantedFile.value && (
        <p class="callout" role="status">
          This link shows <b>{wantedFile.value}</b>. Files are never sent along: drop it again to see the view.
        </p>
      )}
      <button type="button" class="drop" onClick={chooseFile}>
        <b>Drop an ONNX file</b> anywhere in this window, or choose one <kbd>o</kbd>
      </button>
      <h2>Or pick a network</h2>
      <ul class="zoo">
        {LIGHT.map((name) => (
          <li key={name}>
            <button type="button" data-net={name} aria-current={source.value?.name === name} onClick={() => open(name)}>
              <b>{name}</b>
              <span>{MODELS[name].title}</span>
            </button>
          </li>
        ))}
      </ul>
      <details>
        <summary>{others.length} larger ones</summary>
        <ul class="zoo small">
          {others.map((name) => (
            <li key={name}>
              <button type="button" data-net={name} onClick={() => open(name)}>
                <b>{name}</b>
                <span>{MODELS[name].title}</span>
              </button>
            </li>
          ))}
        </ul>
      </details>
    </section>
  );
}
