# mypy: disable-error-code="misc, no-untyped-def, no-untyped-call, no-any-return, operator"
# (numba intrinsics are built from untyped llvmlite values)
"""The few machine instructions Python has no word for: bit counts, 128-bit squares, prefetch, addresses."""

from __future__ import annotations

import numba as nb
import numpy as np
from llvmlite import ir
from numba.extending import intrinsic

from riskloom.features.compiled import inlined


@intrinsic
def popcount(context, x):
    """The number of set bits of an int64."""
    return nb.int64(nb.int64), lambda ctx, builder, sig, args: builder.ctpop(args[0])


@intrinsic
def high_product(context, x, y):
    """The high half of the 128-bit product of two uint64."""

    def generate(ctx, builder, sig, args):
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(args[0], wide), builder.zext(args[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return nb.uint64(nb.uint64, nb.uint64), generate


@intrinsic
def pointer(context, address):
    """An address as a pointer to int64."""

    def generate(ctx, builder, sig, args):
        return builder.inttoptr(args[0], ctx.get_value_type(sig.return_type))

    return nb.types.CPointer(nb.int64)(nb.int64), generate


@intrinsic
def prefetch(context, array, index):
    """Ask for the cache line of a flat array's element; reads nothing, so any index is harmless."""

    def generate(ctx, builder, sig, args):
        data = ctx.make_array(sig.args[0])(ctx, builder, args[0]).data
        place = builder.bitcast(builder.gep(data, [args[1]]), ir.IntType(8).as_pointer())
        i32 = ir.IntType(32)
        signature = ir.FunctionType(ir.VoidType(), [place.type, i32, i32, i32])
        call = builder.module.declare_intrinsic("llvm.prefetch", [place.type], signature)
        builder.call(call, [place, i32(0), i32(3), i32(1)])
        return ctx.get_dummy_value()

    return nb.void(array, nb.int64), generate


@inlined
def shifted_right(x, n):
    """Logical shift, 0 < n < 64."""
    return (x >> n) & ((np.int64(1) << (64 - n)) - 1)


@inlined
def square(v):
    """v * v in two limbs (bit patterns)."""
    a = np.uint64(abs(v))
    return np.int64(a * a), np.int64(high_product(a, a))


@inlined
def add_wide(low, high, more_low, more_high):
    """128-bit addition of two limbs each."""
    total = np.uint64(low) + np.uint64(more_low)
    carry = np.int64(1) if total < np.uint64(low) else np.int64(0)
    return np.int64(total), high + more_high + carry


@inlined
def subtract_wide(low, high, less_low, less_high):
    """128-bit subtraction of two limbs each."""
    borrow = np.int64(1) if np.uint64(low) < np.uint64(less_low) else np.int64(0)
    return np.int64(np.uint64(low) - np.uint64(less_low)), high - less_high - borrow
