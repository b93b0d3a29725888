// What the libraries for Windows need of zig's compiler library, which the linker takes whole or not at all (60 KB).
        .text
        .globl ___chkstk_ms
// Touches every page of a frame of %rax bytes, in their order, as Windows wants before it hands out the next one; changes no register.
___chkstk_ms:
        pushq   %rcx
        pushq   %rax
        leaq    24(%rsp), %rcx
        cmpq    $0x1000, %rax
        jb      2f
1:      subq    $0x1000, %rcx
        testq   %rcx, (%rcx)
        subq    $0x1000, %rax
        cmpq    $0x1000, %rax
        ja      1b
2:      subq    %rax, %rcx
        testq   %rcx, (%rcx)
        popq    %rax
        popq    %rcx
        retq

        .globl truncl
        .globl roundl
// Of functions in zig's C library that nobody calls.
truncl:
roundl: ud2
