namespace Halo.Client;

/// <summary>Rows came, and do not fit the type that was asked for. The query itself succeeded. The text names columns and types, never a value.</summary>
public sealed class HaloMappingException : Exception
{
    /// <summary>Creates an exception.</summary>
    public HaloMappingException()
    {
    }

    /// <summary>Creates an exception with a message.</summary>
    public HaloMappingException(string message) : base(message)
    {
    }

    /// <summary>Creates an exception with a message and its cause.</summary>
    public HaloMappingException(string message, Exception innerException) : base(message, innerException)
    {
    }

    /// <summary>The column whose value does not fit; null where it is the row as a whole.</summary>
    public string? Column { get; init; }

    /// <summary>The row, from 1; null where no row does.</summary>
    public long? Row { get; init; }
}
