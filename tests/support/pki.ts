/** An authority of the tests' own, and the certificates that it gives; openssl makes them in a second. */
import { tempDir } from "./temp.ts";

export interface CertificateOptions {
  /** `DNS:localhost,IP:127.0.0.1` by default. */
  readonly names?: string;
  /** A certificate of the year 2020. */
  readonly expired?: boolean;
}

export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
  /** Key and certificate in one file, as Kafka's PEM key stores are. */
  readonly both: string;
}

export class Authority implements AsyncDisposable {
  /** Path of the authority's own certificate. */
  readonly ca: string;
  readonly folder: string;
  readonly #remove: () => Promise<void>;

  private constructor(folder: string, remove: () => Promise<void>) {
    this.folder = folder;
    this.ca = `${folder}/ca.pem`;
    this.#remove = remove;
  }

  static async create(name: string): Promise<Authority> {
    const folder = await tempDir();
    const authority = new Authority(folder.path, async () => await folder[Symbol.asyncDispose]());
    await Deno.writeTextFile(`${folder.path}/ca.cnf`, CONFIG);
    await Deno.writeTextFile(`${folder.path}/index.txt`, "");
    await Deno.writeTextFile(`${folder.path}/serial`, "1000\n");
    await authority.#openssl(
      [...`req -x509 ${NEW_KEY} -keyout ca.key -out ca.pem -days 30`.split(" "), "-subj", `/CN=${name}`],
    );
    return authority;
  }

  async certificate(name: string, options: CertificateOptions = {}): Promise<Certificate> {
    const { folder } = this;
    await this.#openssl(`req ${NEW_KEY} -keyout ${name}.key -out ${name}.csr -subj /CN=${name}`.split(" "));
    await Deno.writeTextFile(
      `${folder}/${name}.ext`,
      `subjectAltName=${options.names ?? "DNS:localhost,IP:127.0.0.1"}\n`,
    );
    const [from, to] = options.expired
      ? ["20200101000000Z", "20200201000000Z"]
      : ["20250101000000Z", "20991231000000Z"];
    await this.#openssl(
      `ca -batch -notext -config ca.cnf -cert ca.pem -keyfile ca.key -in ${name}.csr -out ${name}.pem -extfile ${name}.ext -startdate ${from} -enddate ${to}`
        .split(" "),
    );
    const [cert, key, both] = [
      `${folder}/${name}.pem`,
      `${folder}/${name}.key`,
      `${folder}/${name}-both.pem`,
    ];
    await Deno.writeTextFile(both, await Deno.readTextFile(key) + await Deno.readTextFile(cert));
    return { cert, key, both };
  }

  /** The key again, encrypted. */
  async encrypted(key: string, password: string): Promise<string> {
    await this.#openssl([
      "pkcs8",
      "-topk8",
      "-in",
      key,
      "-out",
      `${key}.enc`,
      "-passout",
      `pass:${password}`,
    ]);
    return `${key}.enc`;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#remove();
  }

  async #openssl(args: readonly string[]): Promise<void> {
    const { success, stderr } = await new Deno.Command("openssl", { args: [...args], cwd: this.folder })
      .output();
    if (!success) throw new Error(`openssl ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
}

const NEW_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
const CONFIG = `
[ca]
default_ca = test
[test]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
`;
