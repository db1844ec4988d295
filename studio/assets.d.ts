/** What the bundler makes of imports that are no TypeScript. */
declare module '*.css';
declare module '*?url' {
  const url: string;
  export default url;
}
