using Halo.Api.Links.Enrolling;
using Halo.Api.Operators;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Microsoft.Extensions.Configuration;

namespace Halo.Api.Tests;

[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class OpenKeyFilesTests : IDisposable
{
    const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    readonly DataDirectory _directory = DataDirectory.Prepare(Directory.CreateTempSubdirectory("halo-keys-").FullName);

    [Theory]
    [InlineData("admin.key", "secret")]
    [InlineData("master.key", "secret")]
    [InlineData("appsettings.json", """{ "Halo": { "AdminKey": "0123456789abcdef" } }""")]
    [InlineData("appsettings.json", """{ "Halo": { "Encryption": { "MasterKey": "AAAA" } } }""")]
    [InlineData("appsettings.json", """{ "Halo": { "Storage": { "ConnectionString": "Host=x;Password=secret" } } }""")]
    [InlineData("appsettings.json", """{ "Kestrel": { "Endpoints": { "Open": { "Certificate": { "Password": "secret" } } } } }""")]
    public void A_file_with_a_key_that_others_can_read_is_named_with_the_command_that_mends_it(string name, string content)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Modes are Linux's; rights on Windows have a test of their own on Windows.");
        var file = _directory.File(name);
        File.WriteAllText(file, content);
        File.SetUnixFileMode(file, OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        var warning = Assert.Single(Warnings());
        Assert.Contains($"chmod 600 '{file}'", warning, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", warning, StringComparison.Ordinal);
        File.SetUnixFileMode(file, OwnerOnly);
        Assert.Empty(Warnings());
    }

    [Fact]
    public void Settings_without_a_secret_may_be_read_by_everybody()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Modes are Linux's.");
        File.WriteAllText(_directory.File("appsettings.json"), """{ "Halo": { "Enrolment": "token" } }""");
        File.SetUnixFileMode(_directory.File("appsettings.json"), OwnerOnly | UnixFileMode.OtherRead);
        Assert.Empty(Warnings());
    }

    public void Dispose() => Directory.Delete(_directory.Path, recursive: true);

    List<string> Warnings() =>
        [.. OpenKeyFiles.Warnings(new ConfigurationBuilder().AddJsonFile(_directory.File("appsettings.json"), optional: true).Build(), _directory)];
}
