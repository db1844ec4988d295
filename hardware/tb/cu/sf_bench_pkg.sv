// Random stimulus and reference models for the benches of the compute unit. Simulation only.
// Specification: docs/microarchitecture.md, sections 2 to 5. Twins: src/simulator/walker.ts, src/simulator/data/arithmetic.ts.
package sf_bench_pkg;
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;

  // low to high, both included.
  function automatic int pick(int low, int high);
    return low + int'($urandom_range(32'(high - low), 0));
  endfunction

  function automatic bit chance(int percent);
    return pick(0, 99) < percent;
  endfunction

  // Of a bench's errors so far, one more; the first ones are printed.
  function automatic int report(int errors, string what);
    if (errors < 5) $display("%s", what);
    return errors + 1;
  endfunction

  // Extremes more often than a uniform draw has them.
  function automatic word_t random_word();
    if (chance(10)) begin
      case (pick(0, 3))
        0: return -16'sd32768;
        1: return 16'sd32767;
        2: return -16'sd1;
        default: return 16'sd0;
      endcase
    end
    return word_t'($urandom);
  endfunction

  function automatic line_t random_line();
    line_t line;
    for (int i = 0; i < int'(LineWords); i++) line[i] = random_word();
    return line;
  endfunction

  function automatic longint wrap48(longint v);
    return (v <<< 16) >>> 16;
  endfunction

  function automatic word_t clamp(longint v, word_t low, word_t high);
    longint word;
    word = (v > 32767) ? 32767 : (v < -32768) ? -32768 : v;
    return (word < longint'(low)) ? low : (word > longint'(high)) ? high : word_t'(word);
  endfunction

  function automatic longint half(int shift);
    return (shift > 0) ? (longint'(1) <<< (shift - 1)) : 0;
  endfunction

  // ---------------------------------------------------------------- window walks
  // A raster that keeps the rules of docs/isa.md, section 5. grid: reads start at its multiples.
  function automatic walk_t random_walk(int words, int out_words, bit pointwise, bit adjacent, bit clip_free, int grid, int pixels);
    walk_t w;
    int pitch, row_pitch, ring_rows, out_pitch, out_row_pitch, rows;
    w = '0;
    pitch = ((words + (adjacent ? 0 : pick(0, 12)) + grid - 1) / grid) * grid;
    w.words = 16'(words);
    w.kernel_h = pointwise ? 10'd1 : 10'(pick(1, 5));
    w.kernel_w = pointwise ? 10'd1 : 10'(pick(1, 5));
    w.stride_h = chance(5) ? 8'(pick(1, 255)) : 8'(pick(1, 4));
    w.stride_w = chance(5) ? 8'(pick(1, 255)) : 8'(pick(1, 4));
    w.dilation_h = chance(5) ? 8'(pick(1, 255)) : 8'(pick(1, 4));
    w.dilation_w = adjacent ? 8'd1 : chance(5) ? 8'(pick(1, 255)) : 8'(pick(1, 4));
    w.out_width = 16'(pick(1, 9));
    w.x0 = 16'(pick(0, int'(w.out_width) - 1));
    w.count = 20'(pick(1, pixels));
    rows = (int'(w.x0) + int'(w.count) + int'(w.out_width) - 1) / int'(w.out_width);
    if (clip_free) begin
      w.iy0 = 17'(pick(0, 3));
      w.ix0 = 17'(pick(0, 3));
      w.in_height = 16'(int'(w.iy0) + rows * int'(w.stride_h));
      w.in_width = 16'(int'(w.ix0) + int'(w.out_width) * int'(w.stride_w));
    end else begin
      w.iy0 = chance(5) ? 17'($urandom) : 17'(pick(-8, 4));
      w.ix0 = chance(5) ? 17'($urandom) : 17'(pick(-8, 4));
      w.in_height = chance(5) ? 16'(pick(1, 65535)) : 16'(pick(1, rows * int'(w.stride_h) + 8));
      w.in_width = chance(5) ? 16'(pick(1, 65535)) : 16'(pick(1, int'(w.out_width) * int'(w.stride_w) + 8));
    end
    row_pitch = ((pick(1, 12) * pitch + pick(0, 9) + grid - 1) / grid) * grid;
    // Kernel rows lie in one turn of the ring.
    ring_rows = pick(int'(w.kernel_h - 10'd1) * int'(w.dilation_h), int'(w.kernel_h - 10'd1) * int'(w.dilation_h) + 14) + 1;
    w.src_base = 20'(pick(0, 2 ** MapsAddrW / grid - 1) * grid);
    w.src_ring = chance(50) && ring_rows * row_pitch <= 2 ** MapsAddrW ? 20'(ring_rows * row_pitch) : '0;
    w.src_offset = (w.src_ring == '0) ? 20'(pick(0, 999) * grid) : 20'(pick(0, ring_rows - 1) * row_pitch);
    w.src_column = 20'(pick(-500, 500) * grid);
    w.row_step = 20'(int'(w.stride_h) * row_pitch);
    w.k_row_step = 20'(int'(w.dilation_h) * row_pitch);
    if (w.src_ring != '0) begin
      w.row_step = w.row_step % w.src_ring;
      w.k_row_step = w.k_row_step % w.src_ring;
    end
    w.col_step = 20'(int'(w.stride_w) * pitch);
    w.tap_step = 20'(int'(w.dilation_w) * pitch);
    out_pitch = out_words + pick(0, 8);
    out_row_pitch = int'(w.out_width) * out_pitch + pick(0, 9);
    ring_rows = pick(1, rows + 1);
    w.out_base = 20'(pick(0, 2 ** MapsAddrW - 1));
    w.out_ring = chance(40) ? 20'(ring_rows * out_row_pitch) : '0;
    w.out_offset = (w.out_ring == '0) ? '0 : 20'(pick(0, ring_rows - 1) * out_row_pitch);
    w.out_row_step = (w.out_ring == '0) ? 20'(out_row_pitch) : 20'(out_row_pitch) % w.out_ring;
    w.out_col_step = 20'(out_pitch);
    w.clamp_low = chance(50) ? -16'sd32768 : 16'(pick(-1000, 0));
    w.clamp_high = chance(50) ? 16'sd32767 : 16'(pick(0, 1000));
    return w;
  endfunction

  // A descriptor's results for one pixel leave as granules of up to 16 words.
  typedef struct packed {
    logic       last;
    cu_mask_t   cus;
    maps_addr_t addr;
    word_mask_t mask;
    line_t      words;
  } expected_t;

  // The words that count are equal.
  function automatic bit same_words(line_t a, line_t b, word_mask_t mask);
    for (int i = 0; i < int'(LineWords); i++) if (mask[i] && a[i] != b[i]) return 1'b0;
    return 1'b1;
  endfunction

  // What is wrong with a granule; nothing when it is the expected one.
  function automatic string compare_granule(granule_t granule, expected_t e);
    if (granule.addr == e.addr && granule.mask == e.mask && granule.last == e.last && same_words(granule.words, e.words, e.mask)) return "";
    return $sformatf("addr %h mask %h last %b words %h, expected %h %h %b %h", granule.addr, granule.mask, granule.last, granule.words, e.addr, e.mask,
                     e.last, e.words);
  endfunction

  function automatic int first_tap(int start, int dilation, int kernel);
    int tap;
    if (start >= 0) return 0;
    tap = (-start + dilation - 1) / dilation;
    return (tap < kernel) ? tap : kernel;
  endfunction

  function automatic int end_tap(int start, int dilation, int kernel, int extent, int first);
    int tap;
    if (extent <= start) return first;
    tap = (extent - start + dilation - 1) / dilation;
    if (tap > kernel) tap = kernel;
    return (tap < first) ? first : tap;
  endfunction

  function automatic longint ring_wrap(longint offset, longint ring);
    return (ring == 0) ? offset : offset % ring;
  endfunction

  // One output pixel: valid taps [ky0, ky1) x [kx0, kx1).
  typedef struct {
    int x;
    int y;
    int ky0;
    int ky1;
    int kx0;
    int kx1;
  } window_t;

  function automatic window_t window_of(walk_t w, int pixel);
    window_t p;
    int at, start;
    at = int'(w.x0) + pixel;
    p.y = at / int'(w.out_width);
    p.x = at % int'(w.out_width);
    start = int'(w.iy0) + p.y * int'(w.stride_h);
    p.ky0 = first_tap(start, int'(w.dilation_h), int'(w.kernel_h));
    p.ky1 = end_tap(start, int'(w.dilation_h), int'(w.kernel_h), int'(w.in_height), p.ky0);
    start = int'(w.ix0) + p.x * int'(w.stride_w);
    p.kx0 = first_tap(start, int'(w.dilation_w), int'(w.kernel_w));
    p.kx1 = end_tap(start, int'(w.dilation_w), int'(w.kernel_w), int'(w.in_width), p.kx0);
    return p;
  endfunction

  function automatic longint row_offset(walk_t w, int y, int ky);
    return ring_wrap(longint'(w.src_offset) + longint'(y) * longint'(w.row_step) + longint'(ky) * longint'(w.k_row_step), longint'(w.src_ring));
  endfunction

  function automatic maps_addr_t tap_addr(walk_t w, int y, int x, int ky, int kx);
    return maps_addr_t'(longint'(w.src_base) + row_offset(w, y, ky) + longint'(w.src_column) + longint'(x) * longint'(w.col_step) +
                        longint'(kx) * longint'(w.tap_step));
  endfunction

  function automatic maps_addr_t out_addr(walk_t w, int y, int x);
    return maps_addr_t'(longint'(w.out_base) + ring_wrap(longint'(w.out_offset) + longint'(y) * longint'(w.out_row_step), longint'(w.out_ring)) +
                        longint'(x) * longint'(w.out_col_step));
  endfunction
endpackage
