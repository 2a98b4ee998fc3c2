export default {
  testMatch: '*.spec.js',
  use: process.env.CHROMIUM
    ? {launchOptions: {executablePath: process.env.CHROMIUM, args: ['--no-sandbox']}}
    : {},
}
