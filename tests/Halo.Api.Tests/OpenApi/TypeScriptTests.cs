using System.ComponentModel;
using System.Diagnostics;
using Halo.Testing;

namespace Halo.Api.Tests.OpenApi;

/// <summary>The types that openapi-typescript makes of docs/openapi.json can be used as a program would, without casts.</summary>
public sealed class TypeScriptTests : IDisposable
{
    static readonly string[] Packages = ["openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "typescript@5.9.3"];

    const string Program = """
        import createClient from "openapi-fetch";
        import type { components, paths } from "./halo";

        type Exact<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false;
        const halo = createClient<paths>({ baseUrl: "http://127.0.0.1:5080", headers: { "Ocp-Apim-Subscription-Key": "…" } });
        const site = { siteId: "7c0f1c1e-54a5-4b43-9f0e-0d4d4b8f6a11" };

        export async function rows(): Promise<string | undefined> {
          const { data, error } = await halo.POST("/integrator/sites/{siteId}/queries/immediate", {
            params: { path: site, query: { resultSet: 1 }, header: { "Halo-Tag": "nightly" } },
            body: { command: { text: "SELECT @id", parameters: [{ name: "@id", type: "Int", value: "66" }, { name: "@n", value: 5 }] } },
          });
          const isQuery: Exact<NonNullable<typeof data>, components["schemas"]["Query"]> = true;
          if (!data) throw new Error("error" in error! ? error.error?.message : undefined);
          const rows: number = data.result?.rows ?? 0;
          const notice: string | undefined = data.notices?.[0]?.message;
          return isQuery && rows > 0 ? data.result?.data : notice ?? data.errorDetails?.errorMessage;
        }

        export async function pages(queryId: string): Promise<unknown[]> {
          const { data: query } = await halo.GET("/integrator/sites/{siteId}/queries/{queryId}", { params: { path: { ...site, queryId }, query: { wait: 60000 } } });
          if (query?.status !== "successful") return [];
          const { data: all } = await halo.GET("/integrator/sites/{siteId}/queries/{queryId}/results", { params: { path: { ...site, queryId } } });
          const { data: page } = await halo.GET("/integrator/sites/{siteId}/queries/{queryId}/results/{pageNumber}/stream", { params: { path: { ...site, queryId, pageNumber: 1 } } });
          const name: unknown = all?.[0]?.["last_name"];
          return [name, ...(page ?? []).map(row => row["visits"])];
        }

        export async function operator(): Promise<number> {
          const { data } = await halo.PUT("/admin/v1/configuration", { body: { heartbeatSeconds: 60 } });
          const { data: sites } = await halo.GET("/admin/v1/sites", { params: { query: { availability: "online", limit: 5 } } });
          return (sites?.sites.length ?? 0) + Number(data?.settings["heartbeatSeconds"]);
        }
        """;

    readonly string _directory = Directory.CreateTempSubdirectory("halo-types-").FullName;

    [Fact]
    public async Task A_program_written_against_the_generated_types_compiles()
    {
        await File.WriteAllTextAsync(Path.Combine(_directory, "package.json"), """{ "name": "types", "private": true, "type": "module" }""");
        var (installed, output) = await RunAsync("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", .. Packages]);
        Assert.SkipUnless(installed is not null, "npm is not installed. On Debian: apt-get install npm");
        Assert.SkipUnless(installed == 0, $"npm could not install {string.Join(", ", Packages)}, so the types were not tried: {output}");

        await File.WriteAllTextAsync(Path.Combine(_directory, "program.ts"), Program);
        await SucceedsAsync("npx", "--no-install", "openapi-typescript", Path.Combine(Repository.Root, "docs", "openapi.json"), "-o", "halo.d.ts");
        await SucceedsAsync("npx", "--no-install", "tsc", "--noEmit", "--strict", "--noUncheckedIndexedAccess", "--module", "esnext", "--moduleResolution", "bundler",
            "--target", "es2022", "--lib", "es2022,dom,dom.iterable", "--skipLibCheck", "program.ts");
    }

    async Task SucceedsAsync(string program, params string[] arguments)
    {
        var (code, output) = await RunAsync(program, arguments);
        Assert.True(code == 0, $"{program} {string.Join(' ', arguments)} ended with {code}:\n{output}");
    }

    /// <returns>No code: there is no such program.</returns>
    async Task<(int? Code, string Output)> RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = _directory, RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start)!;
            var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            return (process.ExitCode, await output + await errors);
        }
        catch (Win32Exception)
        {
            return (null, "");
        }
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
