using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Halo.Releases;
using Halo.Releases.Bundles;
using Halo.Releases.Trust;

namespace Halo.Api.Tests.Hosting;

/// <summary>Small signed releases, and the root keys that the service under test trusts.</summary>
sealed class TestBundle : IDisposable
{
    readonly RSA _root = RSA.Create(2048), _key = RSA.Create(2048);
    readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("halo-test-bundle-");
    readonly byte[] _certificate;

    public TestBundle()
    {
        var now = TimeProvider.System.GetUtcNow();
        _certificate = ReleaseCertificate.Make(_key, now.AddDays(-1), now.AddDays(400), _root);
        var roots = Path.Combine(_directory.FullName, "roots.json");
        File.WriteAllBytes(roots, new RootList(1, [RootKey.Of(_root)]).ToBytes());
        Setting = $"Halo:Updates:Roots={roots}";
        Directory.CreateDirectory(Files);
        // Not to be compressed, so that a bundle has some length.
        File.WriteAllBytes(Path.Combine(Files, "halo-link"), RandomNumberGenerator.GetBytes(100_000));
    }

    /// <summary>For the service.</summary>
    public string Setting { get; }

    string Files => Path.Combine(_directory.FullName, "files");

    public byte[] Make(string version, Func<ReleaseManifest, ReleaseManifest>? with = null, RSA? key = null)
    {
        var now = TimeProvider.System.GetUtcNow();
        var release = new ReleaseManifest
        {
            Product = ReleaseManifest.HaloLink,
            Version = version,
            Channel = "stable",
            System = "linux",
            Architecture = "x64",
            Created = now.AddMinutes(-1),
            Expires = now.AddDays(30),
            Files = BundleWriter.Describe(Files),
        };
        release = with?.Invoke(release) ?? release;
        using var bundle = new MemoryStream();
        BundleWriter.Write(bundle, BundleWriter.Sign(release, key ?? _key, _certificate), release, Files, CompressionLevel.Fastest);
        return bundle.ToArray();
    }

    public void Dispose()
    {
        _root.Dispose();
        _key.Dispose();
        _directory.Delete(recursive: true);
    }
}

/// <summary>What an operator does with releases.</summary>
static class ReleaseCalls
{
    public static async Task<HttpResponseMessage> PostBundleAsync(this ApiHost host, byte[] bundle)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/admin/v1/releases") { Content = new ByteArrayContent(bundle) };
        request.Headers.Add("Halo-Admin-Key", ApiHost.AdminKey);
        return await host.Client.SendAsync(request);
    }

    /// <summary>Uploads it, and offers it to a ring.</summary>
    public static async Task OfferAsync(this ApiHost host, TestBundle bundles, string version, string ring = "all", int percentage = 100)
    {
        using var answer = await host.PostBundleAsync(bundles.Make(version));
        Assert.True(answer.StatusCode == HttpStatusCode.Created, await answer.Content.ReadAsStringAsync());
        await host.SetRingAsync(version, ring, percentage);
    }

    public static Task<JsonElement> SetRingAsync(this ApiHost host, string version, string ring, int percentage) =>
        host.AdminAsync(HttpMethod.Put, $"/admin/v1/releases/{version}/rings/{ring}", string.Create(CultureInfo.InvariantCulture, $"{{\"percentage\":{percentage}}}"));

    public static Task<JsonElement> DecideAsync(this ApiHost host, string version, string deed) => host.AdminAsync(HttpMethod.Post, $"/admin/v1/releases/{version}/{deed}", """{"reason":"a test"}""");

    public static async Task<string> StatusOfAsync(this ApiHost host, string version) =>
        (await host.AdminAsync(HttpMethod.Get, $"/admin/v1/releases/{version}")).GetProperty("status").GetString()!;
}
