// Outgoing requests: limiting the requests that an app sends, and reading the limits that other servers report.
export { type Fetch, type LimitFetchOptions, limitFetch } from "./limit-fetch.js";
export { parseRateLimit, type RateLimitReport, type ReportedLimit, type ResponseFields } from "./parse-rate-limit.js";
