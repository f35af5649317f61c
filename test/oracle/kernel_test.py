"""Debian's jupyter_kernel_test against the installed kernel 'ringside-ci'. Run by .ci/run."""

import unittest

import jupyter_kernel_test


class RingsideTests(jupyter_kernel_test.KernelTests):
    kernel_name = "ringside-ci"
    language_name = "typescript"
    file_extension = ".ts"
    code_hello_world = "console.log('hello, world')"
    code_stderr = "console.error('oops')"
    completion_samples = [{"text": "Math.ma", "matches": {"max"}}]
    complete_code_samples = ["1 + 1", "const a = [1,\n2];", "for (const x of [1]) {}"]
    incomplete_code_samples = ["function f() {", "const a = [1,", "`unfinished"]
    invalid_code_samples = ["const = 3", "1 +* 2)"]
    code_generate_error = "throw new Error('x')"
    code_execute_result = [{"code": "6 * 7", "result": "42"}]
    code_display_data = [
        {"code": "display(guests()); 0", "mime": "text/html"},
    ]
    code_history_pattern = "6 ? 7*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "Math.max"
    code_page_something = "display?"
    code_clear_output = "clearOutput()"


if __name__ == "__main__":
    unittest.main()
