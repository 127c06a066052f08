using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Security.Principal;

namespace Halo.Link.Installing.Windows;

/// <summary>The right to log on as a service, which Windows' own console gives an account that it enters for a service, and its programming interface does not.</summary>
[SupportedOSPlatform("windows")]
static unsafe partial class LogonRight
{
    const string Right = "SeServiceLogonRight";
    const uint LookupNames = 0x800, CreateAccount = 0x10;

    /// <summary>Gives it; an account that has it keeps it.</summary>
    /// <exception cref="IdentityNotMappedException">Windows does not know the account.</exception>
    /// <exception cref="Win32Exception">Windows refuses.</exception>
    public static void Grant(string account)
    {
        // .\name is an account of this machine.
        var name = account.StartsWith(@".\", StringComparison.Ordinal) ? $@"{Environment.MachineName}\{account[2..]}" : account;
        var who = (SecurityIdentifier)new NTAccount(name).Translate(typeof(SecurityIdentifier));
        var sid = new byte[who.BinaryLength];
        who.GetBinaryForm(sid, 0);
        var attributes = new ObjectAttributes { Length = (uint)sizeof(ObjectAttributes) };
        Check(OpenPolicy(null, &attributes, LookupNames | CreateAccount, out var policy));
        try
        {
            fixed (char* text = Right)
            fixed (byte* bytes = sid)
            {
                var right = new UnicodeString { Length = (ushort)(Right.Length * sizeof(char)), MaximumLength = (ushort)((Right.Length + 1) * sizeof(char)), Buffer = text };
                Check(AddAccountRights(policy, bytes, &right, 1));
            }
        }
        finally
        {
            _ = Close(policy);
        }
    }

    static void Check(uint status)
    {
        if (status != 0)
            throw new Win32Exception(ToWindowsError(status));
    }

    [LibraryImport("advapi32", EntryPoint = "LsaOpenPolicy")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial uint OpenPolicy(UnicodeString* machine, ObjectAttributes* attributes, uint access, out nint policy);

    [LibraryImport("advapi32", EntryPoint = "LsaAddAccountRights")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial uint AddAccountRights(nint policy, byte* sid, UnicodeString* rights, uint count);

    [LibraryImport("advapi32", EntryPoint = "LsaClose")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial uint Close(nint policy);

    [LibraryImport("advapi32", EntryPoint = "LsaNtStatusToWinError")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial int ToWindowsError(uint status);

    /// <summary>LSA_UNICODE_STRING; lengths in bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    struct UnicodeString
    {
        public ushort Length;
        public ushort MaximumLength;
        public char* Buffer;
    }

    /// <summary>LSA_OBJECT_ATTRIBUTES, of which the length alone is read.</summary>
    [StructLayout(LayoutKind.Sequential)]
    struct ObjectAttributes
    {
        public uint Length;
        public nint RootDirectory;
        public UnicodeString* ObjectName;
        public uint Attributes;
        public nint SecurityDescriptor;
        public nint SecurityQuality;
    }
}
