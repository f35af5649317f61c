/*
 * Runs x87 instructions on the processor of this computer. Each line of the input has, in hexadecimal, an FRSTOR
 * image of 108 bytes, the instruction (a memory operand is [rdi]), and 16 bytes of memory for rdi to point to. Each
 * line of the output has the FNSAVE image, the memory, and EFLAGS afterwards.
 *
 *     gcc -O1 -o hardware hardware.c
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static int hex(const char *text, uint8_t *bytes, int count) {
  for (int at = 0; at < count; at++) {
    unsigned byte;
    if (sscanf(text + at * 2, "%2x", &byte) != 1) return at;
    bytes[at] = byte;
  }
  return count;
}

static void print(const uint8_t *bytes, int count) {
  for (int at = 0; at < count; at++) printf("%02x", bytes[at]);
}

int main(void) {
  uint8_t *code = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  static char line[1024], image_text[512], code_text[64], memory_text[64];
  static uint8_t image[108], result[108], memory[16];
  while (fgets(line, sizeof line, stdin)) {
    if (sscanf(line, "%511s %63s %63s", image_text, code_text, memory_text) != 3) return 1;
    hex(image_text, image, 108);
    hex(memory_text, memory, 16);
    uint8_t *at = code;
    memcpy(at, "\xdd\x26", 2), at += 2; /* frstor [rsi] */
    at += hex(code_text, at, strlen(code_text) / 2);
    memcpy(at, "\xdd\x32\x9c\x58\xc3", 5); /* fnsave [rdx]; pushf; pop rax; ret */
    uint64_t flags;
    __asm__ volatile("sub $128, %%rsp; xor %%eax, %%eax; push %%rax; popfq; call *%1; add $128, %%rsp"
                     : "=a"(flags)
                     : "r"(code), "D"(memory), "S"(image), "d"(result)
                     : "memory", "cc");
    print(result, 108);
    putchar(' ');
    print(memory, 16);
    printf(" %x\n", (unsigned)flags & 0x8d5);
  }
}
