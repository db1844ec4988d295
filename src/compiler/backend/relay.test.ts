/** Relays: which runs become one, what stays on chip, and that the bits are the reference's. */
import { describe, expect, it } from 'vitest';
