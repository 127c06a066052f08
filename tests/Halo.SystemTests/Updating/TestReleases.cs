using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Halo.Releases;
using Halo.Releases.Bundles;
using Halo.Releases.Trust;
using Halo.Testing;

namespace Halo.SystemTests.Updating;

/// <summary>Releases of the tests' own: the Link that was built with them, under other version numbers, signed by keys that live as long as the test.</summary>
/// <remarks>The version stands in the program's assembly as text: one of the same length takes its place. So each version says its own, and nothing is built twice.</remarks>
sealed class TestReleases : IDisposable
{
    readonly RSA _root = RSA.Create(2048), _key = RSA.Create(2048);
    readonly string _directory;
    readonly byte[] _certificate;

    public TestReleases(string directory)
    {
        _directory = Directory.CreateDirectory(directory).FullName;
        RootsFile = Path.Combine(directory, "roots.json");
        File.WriteAllBytes(RootsFile, new RootList(1, [RootKey.Of(_root)]).ToBytes());
        var now = TimeProvider.System.GetUtcNow();
        _certificate = ReleaseCertificate.Make(_key, now.AddDays(-1), now.AddDays(30), _root);
    }

    public string RootsFile { get; }

    static string Host => Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") is { Length: > 0 } host ? host : "dotnet";

    /// <summary>The version of the Link that was built with the tests.</summary>
    static string BuiltVersion => System.Diagnostics.FileVersionInfo.GetVersionInfo(Repository.Program("Halo.Link", "halo-link")).ProductVersion!;

    /// <summary>The n-th version after the one that was built, of the same length.</summary>
    public static string Version(int n) => $"{BuiltVersion[..3]}{1200 + n / 9}.{n % 9 + 1}";

    /// <summary>The files of a version.</summary>
    /// <param name="start">Lines of a shell that come before the program is started: what is wrong with this version.</param>
    /// <param name="updater">The same before its updater is.</param>
    public static void Make(string directory, string version, string start = "", string updater = "")
    {
        var built = Path.GetDirectoryName(Repository.Program("Halo.Link", "halo-link"))!;
        var native = Path.Combine("runtimes", RuntimeInformation.RuntimeIdentifier);
        foreach (var file in Directory.EnumerateFiles(built, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(built, f)))
        {
            var isProgram = !file.Contains('/', StringComparison.Ordinal) && Path.GetExtension(file) is ".dll" or ".json";
            if (!isProgram && !file.StartsWith(native, StringComparison.Ordinal) && !file.StartsWith(Path.Combine("runtimes", "unix"), StringComparison.Ordinal))
                continue;
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(directory, file))!);
            File.Copy(Path.Combine(built, file), Path.Combine(directory, file), overwrite: true);
        }
        Assert.Equal(BuiltVersion.Length, version.Length);
        var program = Path.Combine(directory, "halo-link.dll");
        var bytes = File.ReadAllBytes(program);
        var (old, fresh) = (Encoding.UTF8.GetBytes(BuiltVersion), Encoding.UTF8.GetBytes(version));
        for (var at = bytes.AsSpan().IndexOf(old); at >= 0; at = bytes.AsSpan().IndexOf(old))
            fresh.CopyTo(bytes.AsSpan(at));
        File.WriteAllBytes(program, bytes);
        Script(Path.Combine(directory, "halo-link"), $"{start}\nexec '{Host}' \"${{0%/*}}/halo-link.dll\" \"$@\"");
        Script(Path.Combine(directory, "halo-link-updater"), $"{updater}\nexec '{Host}' '{Repository.Program("Halo.Link.Updater", "halo-link-updater")}' \"$@\"");
    }

    /// <summary>Makes a version and its bundle.</summary>
    public string Bundle(string version, string start = "", string updater = "", Func<ReleaseManifest, ReleaseManifest>? with = null)
    {
        var files = Path.Combine(_directory, version);
        Make(files, version, start, updater);
        return BundleOf(files, version, with);
    }

    /// <summary>A bundle that no updater unpacks: its head is enough.</summary>
    public string SmallBundle(string version, Func<ReleaseManifest, ReleaseManifest>? with = null, RSA? key = null, byte[]? certificate = null)
    {
        var files = Path.Combine(_directory, version + ".small");
        Directory.CreateDirectory(files);
        foreach (var program in (string[])["halo-link", "halo-link-updater"])
            Script(Path.Combine(files, program), "exit 1");
        return BundleOf(files, version, with, key, certificate);
    }

    public byte[] CertificateOf(RSA key, DateTimeOffset until) => ReleaseCertificate.Make(key, until.AddDays(-30), until, _root);

    public void Dispose()
    {
        _root.Dispose();
        _key.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    string BundleOf(string files, string version, Func<ReleaseManifest, ReleaseManifest>? with, RSA? key = null, byte[]? certificate = null)
    {
        var now = TimeProvider.System.GetUtcNow();
        var release = new ReleaseManifest
        {
            Product = ReleaseManifest.HaloLink,
            Version = version,
            Channel = "stable",
            System = "linux",
            Architecture = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "x64",
            Created = now.AddMinutes(-1),
            Expires = now.AddDays(30),
            Files = BundleWriter.Describe(files),
        };
        release = with?.Invoke(release) ?? release;
        var path = Path.Combine(_directory, version + ".bundle");
        using (var bundle = File.Create(path))
            BundleWriter.Write(bundle, BundleWriter.Sign(release, key ?? _key, certificate ?? _certificate), release, files, CompressionLevel.Fastest);
        Directory.Delete(files, recursive: true);
        return path;
    }

    static void Script(string path, string content)
    {
        File.WriteAllText(path, $"#!/bin/sh\n{content}\n");
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
    }
}
