using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace Halo.Link.Installing.Windows;

/// <summary>The part of Windows' service control manager that <c>System.ServiceProcess</c> leaves out: making, changing and removing services.</summary>
[SupportedOSPlatform("windows")]
static partial class ServiceControlApi
{
    public const uint AllAccess = 0xF01FF, ManagerAccess = 0xF003F;
    public const uint OwnProcess = 0x10, ErrorNormal = 1;
    public const uint AutoStart = 2, DemandStart = 3, DisabledStart = 4;
    public const uint NoChange = 0xFFFFFFFF;

    /// <summary>Levels of <see cref="ChangeMore"/>.</summary>
    public const uint DescriptionLevel = 1, RecoveryLevel = 2, DelayedStartLevel = 3, RecoverAlsoFromErrorsLevel = 4, ServiceSidLevel = 5;

    public const int ServiceDoesNotExist = 1060;

    [LibraryImport("advapi32", EntryPoint = "OpenSCManagerW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial ServiceHandle OpenManager(string? machine, string? database, uint access);

    [LibraryImport("advapi32", EntryPoint = "CreateServiceW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial ServiceHandle Create(ServiceHandle manager, string name, string displayName, uint access, uint type, uint start, uint errorControl,
        string path, string? group, nint tag, string? dependencies, string? account, string? password);

    [LibraryImport("advapi32", EntryPoint = "OpenServiceW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    public static partial ServiceHandle Open(ServiceHandle manager, string name, uint access);

    [LibraryImport("advapi32", EntryPoint = "ChangeServiceConfigW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Change(ServiceHandle service, uint type, uint start, uint errorControl, string? path, string? group, nint tag, string? dependencies,
        string? account, string? password, string? displayName);

    [LibraryImport("advapi32", EntryPoint = "ChangeServiceConfig2W", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static unsafe partial bool ChangeMore(ServiceHandle service, uint level, void* information);

    [LibraryImport("advapi32", EntryPoint = "DeleteService", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    public static partial bool Delete(ServiceHandle service);

    [LibraryImport("advapi32", EntryPoint = "CloseServiceHandle")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CloseService(nint handle);

    /// <summary>Of the manager, or of a service.</summary>
    public sealed class ServiceHandle() : SafeHandleZeroOrMinusOneIsInvalid(ownsHandle: true)
    {
        protected override bool ReleaseHandle() => CloseService(handle);
    }

    /// <summary>SERVICE_FAILURE_ACTIONSW.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public unsafe struct Recovery
    {
        public uint ResetSeconds;
        public char* RebootMessage;
        public char* Command;
        public uint Count;
        public RecoveryAction* Actions;
    }

    /// <summary>SC_ACTION.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct RecoveryAction
    {
        public const int Restart = 1;
        public int Type;
        public uint DelayMilliseconds;
    }
}
