namespace Microsoft.SqlServer.Server;

/// <summary>How a CLR user-defined type is serialised.</summary>
public enum Format
{
    /// <summary>Unknown.</summary>
    Unknown,

    /// <summary>By its fields.</summary>
    Native,

    /// <summary>By its own code.</summary>
    UserDefined,
}

/// <summary>A type that serialises itself.</summary>
public interface IBinarySerialize
{
    /// <summary>Reads itself.</summary>
    void Read(BinaryReader r);

    /// <summary>Writes itself.</summary>
    void Write(BinaryWriter w);
}

/// <summary>Thrown for a type that is no user-defined type.</summary>
public sealed class InvalidUdtException : SystemException
{
    internal InvalidUdtException(string message) : base(message) { }
}

/// <summary>Marks a CLR user-defined type.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct, AllowMultiple = false, Inherited = true)]
public sealed class SqlUserDefinedTypeAttribute(Format format) : Attribute
{
    /// <summary>How it is serialised.</summary>
    public Format Format { get; } = format;

    /// <summary>Bytes of the longest instance.</summary>
    public int MaxByteSize { get; set; }

    /// <summary>Whether all instances have one length.</summary>
    public bool IsFixedLength { get; set; }

    /// <summary>Whether bytes compare as values do.</summary>
    public bool IsByteOrdered { get; set; }

    /// <summary>Its name.</summary>
    public string? Name { get; set; }

    /// <summary>Name of the method that checks an instance.</summary>
    public string? ValidationMethodName { get; set; }
}
