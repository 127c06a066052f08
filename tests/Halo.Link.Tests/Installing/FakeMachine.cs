using System.ComponentModel;
using Halo.Link.Installing;

namespace Halo.Link.Tests.Installing;

/// <summary>A machine with one service at most, in memory; its files are real.</summary>
sealed class FakeMachine : ISetupMachine, IDisposable
{
    readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("halo-setup-");
    string? _account;

    public FakeMachine()
    {
        ConfigurationFile = Path.Combine(_root.FullName, "settings", "halo-link.json");
        Directory.CreateDirectory(Path.GetDirectoryName(ConfigurationFile)!);
        Program = Use("26.1130.1");
    }

    /// <summary>Versions that end as soon as they are started.</summary>
    public HashSet<string> Broken { get; } = [];

    /// <summary>What throws, by the name of the member.</summary>
    public string? Fails { get; set; }

    public int Starts { get; private set; }

    public bool? StartsWithMachine { get; private set; }

    public string? Account => _account;

    public string Program { get; private set; }

    public string Version { get; private set; } = "";

    public string ConfigurationFile { get; }

    public string? OldConfigurationFile { get; set; }

    public string? ServiceCommand { get; set; }

    public bool IsRunning { get; private set; }

    public bool IsDisabled { get; set; }

    public string? InstalledVersion { get; private set; }

    public string? PreviousCommand { get; set; }

    public string? Settings => File.Exists(ConfigurationFile) ? File.ReadAllText(ConfigurationFile) : null;

    /// <summary>From here on it is this version's program that is run.</summary>
    public string Use(string version)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_root.FullName, version));
        (Program, Version) = (Path.Combine(folder.FullName, "halo-link.exe"), version);
        File.WriteAllText(Program, "");
        return Program;
    }

    public void CreateFolders() => Try(nameof(CreateFolders));

    public void GrantLogonRight(string account) => Try(nameof(GrantLogonRight));

    public void InstallService(string command, string? account, string? password, bool? starts)
    {
        Try(nameof(InstallService));
        (ServiceCommand, _account, StartsWithMachine) = (command, account ?? _account, starts ?? StartsWithMachine ?? true);
    }

    public bool TryStart()
    {
        Assert.NotNull(ServiceCommand);
        if (!IsRunning)
            Starts++;
        return IsRunning = !Broken.Any(v => ServiceCommand.Contains(v, StringComparison.Ordinal));
    }

    public void Stop()
    {
        if (Fails == nameof(Stop))
        {
            Fails = null;
            throw new InvalidOperationException("It does not end.");
        }
        IsRunning = false;
    }

    public void DeleteService()
    {
        Assert.False(IsRunning);
        ServiceCommand = null;
    }

    public void WriteVersion(string version, string folder)
    {
        Try(nameof(WriteVersion));
        InstalledVersion = version;
    }

    public void RemoveVersion() => InstalledVersion = null;

    public void Dispose() => _root.Delete(recursive: true);

    // Once: what puts things back afterwards is not hindered.
    void Try(string member)
    {
        if (Fails != member)
            return;
        Fails = null;
        throw new Win32Exception(1057);
    }
}
