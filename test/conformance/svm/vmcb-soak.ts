import { fuzzVmcbs } from './fuzz.js';

// A long run of the VMCB fuzz, for the night: node dist/test/conformance/svm/vmcb-soak.js [rounds] [first round]

const [rounds, first] = [process.argv[2] ?? '100000', process.argv[3] ?? '0'].map(Number);
if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(first) || first < 0) {
  console.error('usage: vmcb-soak [rounds, from 1] [first round, from 0]');
  process.exit(2);
}
const { refused, exits, others } = fuzzVmcbs(first, rounds);
console.log(`${rounds} random VMCBs: ${refused} refused, ${exits} ended with another exit, ${others} ran on`);
