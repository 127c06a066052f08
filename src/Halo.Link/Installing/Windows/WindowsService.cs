using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.ServiceProcess;
using Microsoft.Win32;

namespace Halo.Link.Installing.Windows;

/// <summary>The Windows service <c>HaloLink</c>, as setup and <c>configure</c> see it.</summary>
/// <exception cref="Win32Exception">From every member: Windows refuses, as to who is no administrator.</exception>
[SupportedOSPlatform("windows")]
static class WindowsService
{
    public const string Name = "HaloLink", DisplayName = "Halo Link Service";

    /// <summary>An account that Windows keeps for this service alone; nobody knows its password.</summary>
    public const string VirtualAccount = @"NT SERVICE\" + Name;

    const string Description = "Runs the queries of integrators on the practice's database, as far as the practice allows. Opens no port.";
    const string Key = @"SYSTEM\CurrentControlSet\Services\" + Name;
    const uint OneDay = 86_400;
    static readonly uint[] RestartAfterMinutes = [1, 5, 15];
    static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30), StartGracePeriod = TimeSpan.FromSeconds(2);

    /// <summary>The command that it runs; null: there is no such service.</summary>
    public static string? Command => Value("ImagePath") as string;

    /// <summary>Whether an administrator has switched it off.</summary>
    public static bool IsDisabled => Value("Start") is int start && (uint)start == ServiceControlApi.DisabledStart;

    public static bool IsRunning => Command is not null && StatusIs(s => s is not ServiceControllerStatus.Stopped);

    /// <summary>Makes the service, or changes the one that is there; what is null stays as it is.</summary>
    /// <param name="account">As <c>DOMAIN\user</c>; a new service without one gets <see cref="VirtualAccount"/>.</param>
    /// <param name="password">None for virtual and group-managed accounts.</param>
    /// <param name="starts">With the machine; null: as before, and a new one does. A service that is switched off stays so.</param>
    public static unsafe void Install(string command, string? account, string? password, bool? starts)
    {
        using var manager = Checked(ServiceControlApi.OpenManager(null, null, ServiceControlApi.ManagerAccess));
        var start = starts is not false ? ServiceControlApi.AutoStart : ServiceControlApi.DemandStart;
        using var service = ServiceControlApi.Open(manager, Name, ServiceControlApi.AllAccess) is { IsInvalid: false } known
            ? known
            : Checked(ServiceControlApi.Create(manager, Name, DisplayName, ServiceControlApi.AllAccess, ServiceControlApi.OwnProcess, start,
                ServiceControlApi.ErrorNormal, command, null, 0, null, account ?? VirtualAccount, password));
        Check(ServiceControlApi.Change(service, ServiceControlApi.OwnProcess, starts is not null && !IsDisabled ? start : ServiceControlApi.NoChange, ServiceControlApi.ErrorNormal, command,
            null, 0, null, account, account is null ? null : password, DisplayName));
        fixed (char* text = Description)
        {
            // SERVICE_DESCRIPTIONW: one pointer.
            var description = text;
            Check(ServiceControlApi.ChangeMore(service, ServiceControlApi.DescriptionLevel, &description));
        }
        var actions = stackalloc ServiceControlApi.RecoveryAction[RestartAfterMinutes.Length];
        for (var i = 0; i < RestartAfterMinutes.Length; i++)
            actions[i] = new() { Type = ServiceControlApi.RecoveryAction.Restart, DelayMilliseconds = RestartAfterMinutes[i] * 60_000 };
        var recovery = new ServiceControlApi.Recovery { ResetSeconds = OneDay, Count = (uint)RestartAfterMinutes.Length, Actions = actions };
        Check(ServiceControlApi.ChangeMore(service, ServiceControlApi.RecoveryLevel, &recovery));
        // The others are BOOL or DWORD.
        uint yes = 1;
        Try(service, ServiceControlApi.RecoverAlsoFromErrorsLevel, &yes);
        // Rights of the data folder are its own identity's, whichever account it runs as.
        Try(service, ServiceControlApi.ServiceSidLevel, &yes);
        if (starts is true && !IsDisabled)
            Try(service, ServiceControlApi.DelayedStartLevel, &yes);
    }

    /// <summary>Starts it and waits until it runs and goes on for a moment: one that is no good says that it runs, and ends.</summary>
    /// <returns>False: it ended again, or did not start in time.</returns>
    public static bool TryStart()
    {
        try
        {
            using var service = new ServiceController(Name);
            if (service.Status is ServiceControllerStatus.Stopped)
                service.Start();
            service.WaitForStatus(ServiceControllerStatus.Running, LongestWait);
            return !StopsWithin(service, StartGracePeriod);
        }
        catch (Exception e) when (e is InvalidOperationException or System.ServiceProcess.TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Stops it, where it runs, and waits for its end.</summary>
    /// <exception cref="InvalidOperationException">It does not end.</exception>
    public static void Stop()
    {
        using var service = new ServiceController(Name);
        for (var tries = (int)(LongestWait / StartGracePeriod); IsRunning; tries--)
        {
            try
            {
                service.Refresh();
                if (service.Status is not ServiceControllerStatus.StopPending)
                    service.Stop();
            }
            catch (InvalidOperationException) when (tries > 0)
            {
                // It starts or ends just now and takes no orders, or its process is gone and Windows has not seen it yet.
            }
            if (StopsWithin(service, StartGracePeriod))
                return;
            if (tries == 0)
                throw new InvalidOperationException("The service does not stop.");
        }
    }

    static bool StopsWithin(ServiceController service, TimeSpan time)
    {
        try
        {
            service.WaitForStatus(ServiceControllerStatus.Stopped, time);
            return true;
        }
        catch (System.ServiceProcess.TimeoutException)
        {
            return false;
        }
    }

    /// <summary>Removes it, where it is there; it must not run.</summary>
    public static void Delete()
    {
        using var manager = Checked(ServiceControlApi.OpenManager(null, null, ServiceControlApi.ManagerAccess));
        using var service = ServiceControlApi.Open(manager, Name, ServiceControlApi.AllAccess);
        if (!service.IsInvalid)
            Check(ServiceControlApi.Delete(service));
    }

    static bool StatusIs(Func<ServiceControllerStatus, bool> expected)
    {
        try
        {
            using var service = new ServiceController(Name);
            return expected(service.Status);
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    static object? Value(string name)
    {
        using var key = Registry.LocalMachine.OpenSubKey(Key);
        return key?.GetValue(name);
    }

    /// <summary>What not every Windows knows.</summary>
    static unsafe void Try(ServiceControlApi.ServiceHandle service, uint level, uint* value) => _ = ServiceControlApi.ChangeMore(service, level, value);

    static ServiceControlApi.ServiceHandle Checked(ServiceControlApi.ServiceHandle handle)
    {
        Check(!handle.IsInvalid);
        return handle;
    }

    static void Check(bool done)
    {
        if (!done)
            throw new Win32Exception(Marshal.GetLastPInvokeError());
    }
}
