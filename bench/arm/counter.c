/* counter.c - a plugin of QEMU's user emulators that counts the instructions a program executes, by class
 * where they are those of Arm.
 *
 *     cc -shared -fPIC -O2 -o counter.so counter.c
 *     qemu-aarch64 -plugin counter.so,out=FILE PROGRAM
 *
 * QEMU translates blocks of instructions that are always executed together: their classes are counted once, when a block is
 * translated, and one addition a block is all that it costs when it runs. FILE receives the sums as a JSON object; with
 * blocks=yes, the blocks too: address, instructions, executions, bytes.
 *
 * The interface is version 1 of QEMU's TCG plugins (docs/devel/tcg-plugins.rst of QEMU), which 4.2 to 8.2 understand. Its header
 * is in no package of Debian 12, hence these declarations of what is used.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef struct {
    const char *target_name; /* and more, of which nothing is read */
} qemu_info_t;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, enum qemu_plugin_op, void *, uint64_t);
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void *), void *);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
extern char *qemu_plugin_insn_disas(const struct qemu_plugin_insn *);

EXPORT int qemu_plugin_version = 1;

enum { kArithmetic, kMoves, kLoads, kStores, kScalar, kBranches, kClasses };
static const char *const kNames[kClasses] = {"vector arithmetic", "vector moves", "vector loads", "vector stores",
                                             "scalar", "branches"};

/* A block, as long as the process lives: QEMU may translate the same code again, as another block. */
typedef struct Block {
    struct Block *next;
    uint64_t address, executions;
    uint32_t bytes;
    uint32_t classes[kClasses];
} Block;

static Block *blocks;
static const char *path;
static bool lists_blocks;
static enum { kA64, kA32, kOther } target;

static bool matches(uint32_t word, uint32_t mask, uint32_t value) { return (word & mask) == value; }

/* By the groups of the Arm Architecture Reference Manual, "A64 instruction set encoding": bits 28 to 25 first. */
static int class_of_a64(uint32_t word) {
    const bool is_vector = word >> 26 & 1;
    if (matches(word, 0x1c000000, 0x14000000)) return matches(word, 0xff000000, 0xd5000000) ? kScalar : kBranches; /* 101x */
    if (matches(word, 0x0a000000, 0x08000000)) { /* x1x0: loads and stores */
        if (!is_vector) return kScalar;
        if (matches(word, 0x3b000000, 0x18000000)) return kLoads; /* relative to the program counter */
        return word >> 22 & 1 ? kLoads : kStores;
    }
    if (!matches(word, 0x0e000000, 0x0e000000)) return kScalar; /* x111: floating point and vectors */
    if (matches(word, 0x9fe08400, 0x0e000400) || matches(word, 0xffe08400, 0x5e000400) || /* dup, ins, umov, smov */
        matches(word, 0xbf208c00, 0x0e000800) ||                                         /* uzp, trn, zip */
        matches(word, 0xbfe08c00, 0x0e000000) || matches(word, 0xbfe08400, 0x2e000000))  /* tbl, tbx; ext */
        return kMoves;
    if (matches(word, 0xbfe0fc00, 0x0ea01c00) && (word >> 16 & 31) == (word >> 5 & 31)) return kMoves; /* mov */
    if (matches(word, 0x9ff80400, 0x0f000400) || matches(word, 0x5f3e7c00, 0x1e260000) || /* movi and its kin; fmov to and from x */
        matches(word, 0xff3ffc00, 0x1e204000) || matches(word, 0xff201c00, 0x1e201000))   /* fmov */
        return kMoves;
    return kArithmetic;
}

/* By mnemonic: the encodings of A32 and T32 overlap, and a plugin is not told which of them a block is. */
static int class_of_a32(const char *text) {
    static const char *const kMoving[] = {"vdup", "vmov", "vext", "vtbl", "vtbx", "vzip", "vuzp", "vtrn", "vrev", "vswp", "vmvn"};
    if (text[0] == 'v') {
        if (strncmp(text, "vld", 3) == 0 || strncmp(text, "vpop", 4) == 0) return kLoads;
        if (strncmp(text, "vst", 3) == 0 || strncmp(text, "vpush", 5) == 0) return kStores;
        if (strncmp(text, "vmovl", 5) == 0 || strncmp(text, "vmovn", 5) == 0) return kArithmetic; /* widen, narrow */
        for (size_t i = 0; i < sizeof kMoving / sizeof *kMoving; ++i)
            if (strncmp(text, kMoving[i], strlen(kMoving[i])) == 0) return kMoves;
        return kArithmetic;
    }
    if (text[0] == 'b') return strncmp(text, "bic", 3) == 0 || strncmp(text, "bf", 2) == 0 ? kScalar : kBranches;
    return strncmp(text, "cbz", 3) == 0 || strncmp(text, "cbnz", 4) == 0 || strncmp(text, "tb", 2) == 0 ? kBranches : kScalar;
}

static int class_of(const struct qemu_plugin_insn *instruction) {
    if (target == kOther) return kScalar;
    if (target == kA64) {
        uint32_t word;
        memcpy(&word, qemu_plugin_insn_data(instruction), sizeof word);
        return class_of_a64(word);
    }
    char *text = qemu_plugin_insn_disas(instruction);
    const int class = class_of_a32(text);
    free(text);
    return class;
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb) {
    Block *block = calloc(1, sizeof *block);
    (void)id;
    if (!block) {
        fprintf(stderr, "counter: not enough memory\n");
        exit(1);
    }
    block->address = qemu_plugin_tb_vaddr(tb);
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); ++i) {
        const struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(tb, i);
        ++block->classes[class_of(instruction)];
        block->bytes += (uint32_t)qemu_plugin_insn_size(instruction);
    }
    /* Threads that emulate threads translate at the same time. */
    block->next = __atomic_load_n(&blocks, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&blocks, &block->next, block, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) continue;
    qemu_plugin_register_vcpu_tb_exec_inline(tb, QEMU_PLUGIN_INLINE_ADD_U64, &block->executions, 1);
}

static void finish(qemu_plugin_id_t id, void *context) {
    uint64_t sums[kClasses] = {0};
    FILE *file = fopen(path, "w");
    (void)id, (void)context;
    if (!file) {
        fprintf(stderr, "counter: %s cannot be written\n", path);
        exit(1);
    }
    for (const Block *block = blocks; block; block = block->next)
        for (int i = 0; i < kClasses; ++i) sums[i] += block->executions * block->classes[i];
    for (int i = 0; i < kClasses; ++i) fprintf(file, "%s\"%s\": %" PRIu64, i ? ", " : "{", kNames[i], sums[i]);
    if (lists_blocks) {
        fprintf(file, ", \"blocks\": [");
        for (const Block *block = blocks; block; block = block->next) {
            uint32_t instructions = 0;
            for (int i = 0; i < kClasses; ++i) instructions += block->classes[i];
            fprintf(file, "%s[%" PRIu64 ", %" PRIu32 ", %" PRIu64 ", %" PRIu32 "]", block == blocks ? "" : ", ", block->address,
                    instructions, block->executions, block->bytes);
        }
        fprintf(file, "]");
    }
    fprintf(file, "}\n");
    if (fclose(file) != 0) {
        fprintf(stderr, "counter: %s cannot be written\n", path);
        exit(1);
    }
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int count, char **arguments) {
    for (int i = 0; i < count; ++i) {
        if (strncmp(arguments[i], "out=", 4) == 0) {
            path = strdup(arguments[i] + 4);
        } else if (strcmp(arguments[i], "blocks=yes") == 0) {
            lists_blocks = true;
        } else {
            fprintf(stderr, "counter: '%s': out=FILE or blocks=yes was wanted\n", arguments[i]);
            return 1;
        }
    }
    if (!path) {
        fprintf(stderr, "counter: out=FILE was wanted\n");
        return 1;
    }
    target = strcmp(info->target_name, "aarch64") == 0 ? kA64 : strcmp(info->target_name, "arm") == 0 ? kA32 : kOther;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
