import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', '.build/', 'out/', 'node_modules/', '.tap/'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts'],
    rules: {
      eqeqeq: 'error',
      'no-restricted-globals': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Node reads all of a CommonJS module that is imported in search of its exports, which takes long for a large one.
      '@typescript-eslint/no-require-imports': ['error', { allowAsImport: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
  {
    // A run is a pure function of its input: no host time, no host randomness (design rule 1).
    files: ['emulator/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'time is cycles: read the ledger' },
        { object: 'Math', property: 'random', message: 'no host randomness in the machine' },
        { object: 'performance', property: 'now', message: 'time is cycles: read the ledger' },
      ],
    },
  },
);
