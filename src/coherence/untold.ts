/**
 * Counts the commands at Redis that change keys without any push, such as SWAPDB.
 *
 * When one is carried out, reads over other connections see the new keys at once, while memory has the old ones until
 * the reply is here. So from its sending to its reply memory is not believed, and nobody joins a read under way.
 */
export class Untold {
  #count = 0;

  get any(): boolean {
    return this.#count > 0;
  }

  begin(): void {
    this.#count += 1;
  }

  end(): void {
    this.#count -= 1;
  }
}
