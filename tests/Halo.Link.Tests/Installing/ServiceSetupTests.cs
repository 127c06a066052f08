using System.ComponentModel;
using Halo.Link.Installing;
using Halo.Link.Settings;

namespace Halo.Link.Tests.Installing;

/// <summary>Setup of the Windows service, in the order in which Windows Installer calls it: apply, then commit, or undo after a failure.</summary>
public sealed class ServiceSetupTests : IDisposable
{
    const string Old = "26.1130.1", New = "26.1201.1";
    static readonly string[] Practice = ["API=https://halo.example", "DBENGINE=sqlite", "DBNAME=/pms/clinic.db", "PMSNAME=Best Practice", "PMSID=1"];

    readonly FakeMachine _machine = new();
    readonly List<string> _log = [];

    ServiceSetup Setup => new(_machine, _log.Add);

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void Installed_without_settings_the_service_waits_for_them()
    {
        Install();
        Runs(Old, running: false);
        Assert.False(_machine.StartsWithMachine);
        Install(Practice);
        Runs(Old);
        Assert.True(_machine.StartsWithMachine);
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_refused_property_leaves_the_service_as_it_was(bool upgraded, bool committed)
    {
        Assert.Equal(0, Setup.Apply(Parse(Practice)));
        if (committed)
            Setup.Commit();
        var version = Old;
        if (upgraded)
        {
            _machine.Use(version = New);
            Assert.Equal(0, Setup.Apply(Parse()));
            if (committed)
                Setup.Commit();
        }
        var (settings, starts) = (_machine.Settings, _machine.Starts);
        Fail<SettingsException>("POLICY=nonsense", "PRACTICENAME=Other");
        Runs(version);
        // Nothing that runs there was cut off.
        Assert.Equal(starts, _machine.Starts);
        Assert.Equal(settings, _machine.Settings);
    }

    [Fact]
    public void Where_the_settings_cannot_be_saved_aside_they_stay()
    {
        Install(Practice);
        var settings = _machine.Settings;
        // Where the draft would be, as a disk that takes no more.
        var draft = Directory.CreateDirectory(_machine.ConfigurationFile + ".before.tmp");
        Assert.ThrowsAny<Exception>(() => Setup.Apply(Parse("PRACTICENAME=Other")));
        draft.Delete();
        Assert.Equal(0, Setup.Undo());
        Assert.Equal(settings, _machine.Settings);
        Runs(Old);
    }

    [Fact]
    public void A_service_that_does_not_end_gets_the_command_of_before_all_the_same()
    {
        Install(Practice);
        var before = _machine.ServiceCommand;
        _machine.Use(New);
        Assert.Equal(0, Setup.Apply(Parse()));
        _machine.Fails = nameof(_machine.Stop);
        Assert.Equal(0, Setup.Undo());
        Assert.Equal(before, _machine.ServiceCommand);
        Assert.Contains(_log, l => l.Contains("does not stop", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_is_left_may_be_purged_only_once_the_service_is_removed_and_until_it_is_installed_again()
    {
        var mark = Path.Combine(Path.GetDirectoryName(_machine.ConfigurationFile)!, "removed");
        Install(Practice);
        Assert.Equal(0, await Setup.RemoveAsync(() => Task.CompletedTask));
        Assert.True(File.Exists(mark));
        Install();
        Assert.False(File.Exists(mark));
        // The old version's removal after an upgrade marks nothing.
        _machine.Use(New);
        Install();
        _machine.Use(Old);
        Assert.Equal(0, await Setup.RemoveAsync(() => Task.CompletedTask));
        Assert.False(File.Exists(mark));
    }

    [Fact]
    public void A_refused_first_installation_leaves_nothing()
    {
        Fail<SettingsException>([.. Practice, "POLICY=nonsense"]);
        Assert.Null(_machine.ServiceCommand);
        Assert.Null(_machine.InstalledVersion);
        Assert.Null(_machine.Settings);
    }

    [Fact]
    public void Undone_at_its_end_a_first_installation_leaves_nothing()
    {
        Assert.Equal(0, Setup.Apply(Parse(Practice)));
        Assert.Equal(0, Setup.Undo());
        Assert.Null(_machine.ServiceCommand);
        Assert.Null(_machine.InstalledVersion);
        Assert.Null(_machine.Settings);
    }

    [Fact]
    public void Undone_at_its_end_an_upgrade_leaves_version_and_settings_as_they_were()
    {
        Install(Practice);
        var settings = _machine.Settings;
        _machine.Use(New);
        Assert.Equal(0, Setup.Apply(Parse("PRACTICENAME=Other")));
        Runs(New);
        Assert.NotEqual(settings, _machine.Settings);
        Assert.Equal(0, Setup.Undo());
        Runs(Old);
        Assert.Equal(settings, _machine.Settings);
        // Once.
        Assert.Equal(0, Setup.Undo());
        Runs(Old);
    }

    [Fact]
    public void Undone_at_its_end_a_change_of_settings_is_taken_back_and_the_service_restarted()
    {
        Install(Practice);
        var (settings, starts) = (_machine.Settings, _machine.Starts);
        Assert.Equal(0, Setup.Apply(Parse("API=https://other.example")));
        Assert.Equal(0, Setup.Undo());
        Runs(Old);
        Assert.Equal(settings, _machine.Settings);
        Assert.Equal(starts + 2, _machine.Starts);
    }

    [Fact]
    public void After_a_commit_there_is_nothing_to_undo()
    {
        Install(Practice);
        Assert.Equal(0, Setup.Undo());
        Runs(Old);
        Assert.Equal([_machine.ConfigurationFile], Directory.GetFiles(Path.GetDirectoryName(_machine.ConfigurationFile)!));
    }

    [Theory]
    [InlineData(nameof(ISetupMachine.CreateFolders))]
    [InlineData(nameof(ISetupMachine.GrantLogonRight))]
    [InlineData(nameof(ISetupMachine.InstallService))]
    [InlineData(nameof(ISetupMachine.WriteVersion))]
    public void Whatever_fails_in_an_upgrade_the_version_before_runs_with_its_settings(string member)
    {
        Install(Practice);
        var settings = _machine.Settings;
        _machine.Use(New);
        _machine.Fails = member;
        Assert.Throws<Win32Exception>(() => Setup.Apply(Parse(@"SERVICEACCOUNT=CLINIC\halo", "PRACTICENAME=Other")));
        Runs(Old);
        Assert.Equal(settings, _machine.Settings);
        Assert.Equal(0, Setup.Undo());
        Runs(Old);
        Assert.Equal(settings, _machine.Settings);
    }

    [Fact]
    public void An_upgrade_that_does_not_start_gives_way_to_the_version_that_ran()
    {
        Install(Practice);
        _machine.Use(New);
        _machine.Broken.Add(New);
        Assert.Equal(1, Setup.Apply(Parse("PRACTICENAME=Other")));
        Assert.Contains("The new version does not start; the previous version is put back.", _log);
        Runs(Old);
        Assert.DoesNotContain("Other", _machine.Settings!, StringComparison.Ordinal);
    }

    [Fact]
    public void An_upgrade_stays_where_the_version_before_did_not_run_either()
    {
        Install(Practice);
        _machine.Stop();
        _machine.Use(New);
        _machine.Broken.Add(New);
        Assert.Equal(0, Setup.Apply(Parse()));
        Runs(New, running: false);
    }

    [Fact]
    public void Changed_settings_restart_the_service_and_the_same_ones_do_not()
    {
        Install(Practice);
        var starts = _machine.Starts;
        Install("API=https://halo.example");
        Assert.Equal(starts, _machine.Starts);
        Install("API=https://other.example");
        Assert.Equal(starts + 1, _machine.Starts);
        Runs(Old);
    }

    [Fact]
    public void What_an_administrator_chose_for_the_service_stays()
    {
        Install(Practice);
        _machine.ServiceCommand += " --log-level Debug";
        _machine.InstallService(_machine.ServiceCommand, null, null, starts: false);
        _machine.Use(New);
        Install();
        Assert.Equal($"\"{_machine.Program}\" run --log-level Debug", _machine.ServiceCommand);
        Assert.False(_machine.StartsWithMachine);
        _machine.IsDisabled = true;
        var starts = _machine.Starts;
        Install("API=https://other.example");
        Assert.Equal(starts, _machine.Starts);
    }

    [Fact]
    public async Task Removal_takes_the_service_away_whatever_its_arguments_and_keeps_the_settings()
    {
        Install(Practice);
        _machine.ServiceCommand += " --log-level Debug";
        var notified = 0;
        Assert.Equal(0, await Setup.RemoveAsync(() => Task.FromResult(notified++)));
        Assert.Equal(1, notified);
        Assert.Null(_machine.ServiceCommand);
        Assert.NotNull(_machine.Settings);
    }

    [Fact]
    public async Task Removal_of_an_old_version_after_an_upgrade_touches_nothing()
    {
        Install(Practice);
        _machine.Use(New);
        Install();
        _machine.Use(Old);
        Assert.Equal(0, await Setup.RemoveAsync(() => throw new InvalidOperationException("The API must not be told.")));
        Runs(New);
    }

    [Fact]
    public void An_older_version_changes_nothing_and_is_no_error()
    {
        _machine.Use(New);
        Install(Practice);
        var settings = _machine.Settings;
        _machine.Use(Old);
        Install("PRACTICENAME=Other");
        Assert.Equal(0, Setup.Undo());
        Runs(New);
        Assert.Equal(settings, _machine.Settings);
    }

    [Fact]
    public void Settings_at_the_old_place_are_not_passed_over()
    {
        _machine.OldConfigurationFile = "/old/halo-link.json";
        Fail<SettingsException>(Practice);
        Assert.Null(_machine.ServiceCommand);
        // Moved, they are no hindrance, nor is what is left there.
        _machine.OldConfigurationFile = null;
        Install(Practice);
        _machine.OldConfigurationFile = "/old/halo-link.json";
        Install();
        Runs(Old);
    }

    void Install(params string[] properties)
    {
        Assert.Equal(0, Setup.Apply(Parse(properties)));
        Assert.Equal(0, Setup.Commit());
    }

    /// <summary>Apply fails, and Windows Installer rolls back.</summary>
    void Fail<T>(params string[] properties)
        where T : Exception
    {
        Assert.Throws<T>(() => Setup.Apply(Parse(properties)));
        Assert.Equal(0, Setup.Undo());
    }

    void Runs(string version, bool running = true)
    {
        Assert.Equal(version, Path.GetFileName(Path.GetDirectoryName(ServiceCommand.ProgramOf(_machine.ServiceCommand!))));
        Assert.Equal(running, _machine.IsRunning);
        Assert.Equal(version, _machine.InstalledVersion);
    }

    static SetupProperties Parse(params string[] properties) => SetupProperties.Parse("setup apply " + string.Concat(properties.Select(p => SetupProperties.Separator + p)));
}
