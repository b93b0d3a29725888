// Memory of the core library: malloc underneath, failures reported as null, never an exception.
#ifndef DCELITE_MEMORY_H
#define DCELITE_MEMORY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

namespace dce {

constexpr size_t kAlignment = 64;  // bytes: a cache line, and the widest vector register of any target

// A growable array of plain values, aligned to kAlignment. Growing discards the contents.
template <typename T>
class Buffer {
public:
    Buffer() = default;
    Buffer(const Buffer &) = delete;
    Buffer &operator=(const Buffer &) = delete;
    ~Buffer() { free(allocation_); }

    // Makes room for `count` x `each` values; false where there is no memory (the buffer is then empty), or the product has no
    // place in a size_t, as sizes of callers may on 32 bits.
    bool reserve(size_t count, size_t each = 1) {
        if (__builtin_mul_overflow(count, each, &count)) count = SIZE_MAX;
        if (count <= capacity_) return true;
        free(allocation_);
        allocation_ = nullptr;
        values_ = nullptr;
        capacity_ = 0;
        if (count > (SIZE_MAX - kAlignment) / sizeof(T)) return false;
        allocation_ = malloc(count * sizeof(T) + kAlignment);
        if (!allocation_) return false;
        const uintptr_t address = reinterpret_cast<uintptr_t>(allocation_);
        values_ = reinterpret_cast<T *>((address + kAlignment - 1) / kAlignment * kAlignment);
        capacity_ = count;
        return true;
    }

    T *data() { return values_; }
    const T *data() const { return values_; }
    T &operator[](size_t index) { return values_[index]; }
    const T &operator[](size_t index) const { return values_[index]; }

private:
    void *allocation_ = nullptr;
    T *values_ = nullptr;
    size_t capacity_ = 0;
};

// new (At{memory}) T makes a T there. The header <new>, which has the like, belongs to a C++ library; the core needs none.
struct At {
    void *memory;
};

}  // namespace dce

inline void *operator new(size_t, dce::At at) { return at.memory; }

#endif
