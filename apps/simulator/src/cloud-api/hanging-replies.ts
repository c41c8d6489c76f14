/** The clients that a scripted hang keeps waiting. */
export class HangingReplies {
  private readonly releases = new Set<() => void>();

  get size(): number {
    return this.releases.size;
  }

  /** @returns how to forget it, for when the client leaves */
  add(release: () => void): () => void {
    this.releases.add(release);
    return () => this.releases.delete(release);
  }

  releaseAll(): void {
    const releases = [...this.releases];
    this.releases.clear();
    for (const release of releases) release();
  }
}
