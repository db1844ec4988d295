// Sign extension as shifts. Verilator's own functions do it with masks, five instructions for two, at every use of a signed number; the macros here
// take their places in the generated code (-include). Semantics are those of verilated_funcs.h: bits above the result's may be anything.
#ifndef SNOWFLAKE_SIGN_H
#define SNOWFLAKE_SIGN_H
#include "verilated.h"
#include "verilated_funcs.h"

#define SF_EXTEND_I(bits, value) (static_cast<int32_t>(static_cast<uint32_t>(value) << (32 - (bits))) >> (32 - (bits)))
#define SF_EXTEND_Q(bits, value) (static_cast<int64_t>(static_cast<uint64_t>(value) << (64 - (bits))) >> (64 - (bits)))

#define VL_EXTENDS_II(to, bits, value) (static_cast<IData>(SF_EXTEND_I(bits, value)))
#define VL_EXTENDS_QI(to, bits, value) (static_cast<QData>(SF_EXTEND_Q(bits, value)))
#define VL_EXTENDS_QQ(to, bits, value) (static_cast<QData>(SF_EXTEND_Q(bits, value)))
#define VL_GTS_III(bits, a, b) (static_cast<IData>(SF_EXTEND_I(bits, a) > SF_EXTEND_I(bits, b)))
#define VL_LTS_III(bits, a, b) (static_cast<IData>(SF_EXTEND_I(bits, a) < SF_EXTEND_I(bits, b)))
// The low bits of a product do not depend on how its operands are extended.
#define VL_MULS_III(bits, a, b) (static_cast<IData>(a) * static_cast<IData>(b))
#define VL_MULS_QQQ(bits, a, b) (static_cast<QData>(a) * static_cast<QData>(b))
#endif
