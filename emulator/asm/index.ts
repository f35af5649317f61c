export { assemble, type AssemblyOptions, type Assembly } from './assemble.js';
export { formatDiagnostics, type Diagnostic, type Severity } from './diagnostics.js';
export { formatListing, type ListingLine } from './listing.js';
