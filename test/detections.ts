/** What the outputs of detectors mean: boxes with scores, the best of those that overlap, and whether two lists agree. */

export interface Detection {
  readonly label: number;
  readonly score: number;
  /** Left, top, right, bottom. */
  readonly box: readonly [number, number, number, number];
}

/** Overlap of two boxes: intersection ÷ union. */
export function overlap(a: Detection['box'], b: Detection['box']): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const area = (box: Detection['box']): number => (box[2] - box[0]) * (box[3] - box[1]);
  return (width * height) / (area(a) + area(b) - width * height);
}

/** The best of overlapping detections of one label, best first. */
function suppress(detections: readonly Detection[], most: number): Detection[] {
  const kept: Detection[] = [];
  for (const one of [...detections].sort((a, b) => b.score - a.score)) {
    if (kept.every((other) => other.label !== one.label || overlap(other.box, one.box) < most)) kept.push(one);
  }
  return kept;
}

/** Rows of a score table: for each anchor its values. */
function* rows(values: Float32Array, width: number): Generator<readonly [index: number, row: Float32Array]> {
  for (let i = 0; i < values.length / width; i++) yield [i, values.subarray(i * width, (i + 1) * width)];
}

function best(values: ArrayLike<number>, from: number): number {
  let at = from;
  for (let i = from; i < values.length; i++) if (values[i] > values[at]) at = i;
  return at;
}

/** Boxes from centre and size. */
function around(x: number, y: number, width: number, height: number): Detection['box'] {
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}

/** Ultraface: scores [1, n, 2] (background, face) and boxes [1, n, 4], corners in 0 to 1. */
export function decodeUltraface(scores: Float32Array, boxes: Float32Array, least: number): Detection[] {
  const found: Detection[] = [];
  for (const [i, [, score]] of rows(scores, 2)) {
    const box = boxes.subarray(4 * i, 4 * i + 4);
    if (score > least) found.push({ label: 0, score, box: [box[0], box[1], box[2], box[3]] });
  }
  return suppress(found, 0.5);
}

/** YOLOX [1, n, 85]: offsets, logarithms of sizes, objectness, 80 classes; anchors of strides 8, 16, 32 of a square picture, row by row. */
export function decodeYolox(values: Float32Array, side: number, least: number): Detection[] {
  const cells = [8, 16, 32].flatMap((stride) => {
    const count = side / stride;
    return Array.from({ length: count * count }, (_, i) => [i % count, Math.floor(i / count), stride] as const);
  });
  const found: Detection[] = [];
  for (const [i, row] of rows(values, 85)) {
    const [column, line, stride] = cells[i];
    const at = best(row, 5);
    const score = row[4] * row[at];
    if (score <= least) continue;
    const box = around((row[0] + column) * stride, (row[1] + line) * stride, Math.exp(row[2]) * stride, Math.exp(row[3]) * stride);
    found.push({ label: at - 5, score, box });
  }
  return suppress(found, 0.45);
}

/** FastestDet [1, 85, h, w]: objectness, box (offsets by tanh, sizes by sigmoid of the picture), 80 classes; coordinates 0 to 1. */
export function decodeFastestDet(values: Float32Array, height: number, width: number, least: number): Detection[] {
  const plane = height * width;
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
  const found: Detection[] = [];
  for (let i = 0; i < plane; i++) {
    const at = (channel: number): number => values[channel * plane + i];
    const classes = Array.from({ length: 80 }, (_, c) => at(5 + c));
    const label = best(classes, 0);
    const score = at(0) ** 0.6 * classes[label] ** 0.4;
    if (score <= least) continue;
    const x = ((i % width) + Math.tanh(at(1))) / width;
    const y = (Math.floor(i / width) + Math.tanh(at(2))) / height;
    found.push({ label, score, box: around(x, y, sigmoid(at(3)), sigmoid(at(4))) });
  }
  return suppress(found, 0.45);
}

/** YuNet: for strides 8, 16, 32 cls [1, n, 1], obj [1, n, 1] and bbox [1, n, 4] (offsets and logarithms of sizes, in strides). */
export function decodeYunet(outputs: (name: string) => Float32Array, side: number, least: number): Detection[] {
  const found: Detection[] = [];
  for (const stride of [8, 16, 32]) {
    const count = side / stride;
    const [cls, obj, boxes] = ['cls', 'obj', 'bbox'].map((name) => outputs(`${name}_${stride}`));
    for (let i = 0; i < count * count; i++) {
      const score = Math.sqrt(Math.min(1, Math.max(0, cls[i])) * Math.min(1, Math.max(0, obj[i])));
      if (score <= least) continue;
      const [x, y, w, h] = boxes.subarray(4 * i, 4 * i + 4);
      const box = around(((i % count) + x) * stride, (Math.floor(i / count) + y) * stride, Math.exp(w) * stride, Math.exp(h) * stride);
      found.push({ label: 0, score, box });
    }
  }
  return suppress(found, 0.3);
}
